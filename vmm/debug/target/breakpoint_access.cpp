#include "vmm/debug/target/breakpoint_access.h"

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/errors.h"

namespace ringside::debug {

using Code = gdbstub::TargetError::Code;

bool BreakpointAccess::blocks_interrupts() const {
    return machine_.context().block_interrupts && machine_.context().abilities.step_blocks_interrupts;
}

gdbstub::Result<void> BreakpointAccess::block_interrupts(bool on) {
    if (on && !machine_.context().abilities.step_blocks_interrupts)
        return refuse(Code::Unsupported, "this host's KVM cannot block interrupts during a step");
    machine_.context().block_interrupts = on;
    return {};
}

// The state whose page tables translate addresses.
gdbstub::Result<const x86::CpuState*> BreakpointAccess::ready(gdbstub::ThreadId thread) {
    if (machine_.stop_token() == nullptr)
        return still_running();
    if (const auto measured = machine_.abilities(); !measured)
        return refuse(measured.error());
    const auto state = machine_.load_system(vcpu_of(thread));
    if (!state)
        return refuse(state.error());
    return *state;
}

gdbstub::Result<void> BreakpointAccess::insert(gdbstub::ThreadId thread,
                                               const gdbstub::BreakpointRequest& request) {
    const auto* state = TRY(ready(thread));
    if (auto r = machine_.table().insert(*machine_.stop_token(), machine_.view(), state->system, request); !r)
        return refuse(r.error(), Code::Invalid);
    return {};
}

gdbstub::Result<void> BreakpointAccess::trace(gdbstub::ThreadId thread,
                                              const std::vector<std::uint64_t>& addresses) {
    const auto* state = TRY(ready(thread));
    machine_.table().trace(*machine_.stop_token(), machine_.view(), state->system, addresses);
    return {};
}

gdbstub::Result<void> BreakpointAccess::remove(gdbstub::ThreadId, gdbstub::BreakpointKind kind,
                                               gdbstub::Address address, std::uint64_t size) {
    if (machine_.stop_token() == nullptr)
        return still_running();
    machine_.table().remove(*machine_.stop_token(), kind, address, size);
    return {};
}

}  // namespace ringside::debug
