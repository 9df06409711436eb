#include "vmm/debug/target/memory_access.h"

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/errors.h"

namespace ringside::debug {

using Code = gdbstub::TargetError::Code;

gdbstub::Result<x86::SystemRegisters> MemoryAccess::tables_for(gdbstub::ThreadId thread,
                                                               gdbstub::Address address) {
    const auto* token = debugger_.stop_token();
    if (token == nullptr)
        return still_running();
    x86::ClassSet classes;
    classes.add(x86::RegisterClass::System);
    const auto state = debugger_.state(vcpu_of(thread)).load(*token, classes);
    if (!state)
        return refuse(state.error());
    return view_.tables_for((*state)->system, Gva{address});
}

gdbstub::Result<std::size_t> MemoryAccess::read(gdbstub::ThreadId thread, gdbstub::Address address,
                                                std::span<std::byte> out) {
    const auto system = TRY(tables_for(thread, address));
    const auto count =
        physical_ ? view_.read_physical(Gpa{address}, out) : view_.read(system, Gva{address}, out);
    if (!count)
        return refuse(count.error(), Code::Fault);
    return *count;
}

gdbstub::Result<void> MemoryAccess::write(gdbstub::ThreadId thread, gdbstub::Address address,
                                          std::span<const std::byte> data) {
    const auto system = TRY(tables_for(thread, address));
    const auto done =
        physical_ ? view_.write_physical(Gpa{address}, data) : view_.write(system, Gva{address}, data);
    if (!done)
        return refuse(done.error(), Code::Fault);
    debugger_.time_travel().edited();
    return {};
}

gdbstub::Result<gdbstub::MemoryRegion> MemoryAccess::region(gdbstub::ThreadId thread,
                                                            gdbstub::Address address) {
    const auto system = TRY(tables_for(thread, address));
    return memory_region(view_, system, Gva{address});
}

gdbstub::MemoryRegion memory_region(const GuestView& view, const x86::SystemRegisters& system, Gva address) {
    const auto range = view.region(system, address);
    gdbstub::MemoryRegion region;
    region.start = range.start.value;
    region.size = range.size;
    region.mapped = range.mapped;
    region.read = range.mapped;
    region.write = range.mapped && range.permissions.writable;
    region.execute = range.mapped && range.permissions.executable;
    return region;
}

}  // namespace ringside::debug
