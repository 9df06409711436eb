#include "vmm/debug/linux/linux_guest.h"

#include "vmm/debug/dump/vmcoreinfo.h"

namespace ringside::debug {

namespace {

constexpr const char* kFinding = "find a Linux kernel";

KernelMemory kernel_memory(const GuestView& view, const x86::SystemRegisters& system) {
    return KernelMemory(
        [&view, system](std::uint64_t address, std::span<std::byte> out) {
            const auto count = view.read(system, Gva{address}, out);
            return count && *count == out.size();
        },
        [&view, system](std::uint64_t address) -> std::optional<std::uint64_t> {
            const auto there = view.translate(system, Gva{address});
            return there ? std::optional(there->gpa.value) : std::nullopt;
        });
}

}  // namespace

Result<LinuxKernel> LinuxGuest::kernel(VcpuIndex vcpu) {
    const GuestView& view = guest_.view();
    const auto now = TRY(guest_.registers_now(vcpu));
    const auto level = view.chosen_level().value_or(x86::level_of(now.system));
    const x86::SystemRegisters system = view.kernel_tables(x86::at_level(now.system, level));
    if (x86::paging_mode(x86::paging_state(system)) < x86::PagingMode::FourLevel)
        return failure(kFinding, "this vCPU is not in 64-bit mode", "A kernel of 64 bits is needed");
    std::optional<NotePlace> known;
    if (tables_)
        known = NotePlace{note_, tables_->vmcoreinfo.size()};
    auto found = find_vmcoreinfo(view, system, known);
    const bool same = found && tables_ && found->note == tables_->vmcoreinfo &&
                      describes_the_mapped_kernel(found->note, view, system);
    if (!same) {
        tables_.reset();
        if (known)
            found = find_vmcoreinfo(view, system, std::nullopt);
        if (!found || !describes_the_mapped_kernel(found->note, view, system))
            return failure(kFinding, "there is no VMCOREINFO of one that this vCPU has mapped",
                           "A kernel has it if it is built with CONFIG_CRASH_CORE or CONFIG_VMCORE_INFO, "
                           "from early in its boot on");
        note_ = found->place.address;
        tables_ = std::make_shared<const KernelTables>(
            TRY(read_kernel_tables(kernel_memory(view, system), std::move(found->note))));
    }
    return LinuxKernel(kernel_memory(view, system), tables_);
}

}  // namespace ringside::debug
