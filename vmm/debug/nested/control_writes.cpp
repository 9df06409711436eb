#include "vmm/debug/nested/control_writes.h"

#include <fmt/format.h>

#include <cstring>

#include "arch/x86_64/vmcs12.h"
#include "vmm/debug/nested/vmcs_answers.h"

namespace ringside::debug {

namespace {

Result<void> check_width(std::string_view name, unsigned bytes, std::uint64_t value) {
    if (bytes < sizeof value && value >> (8 * bytes) != 0)
        return failure(fmt::format("write {}", name),
                       fmt::format("0x{:x} does not fit into its {} bits", value, 8 * bytes));
    return {};
}

Result<void> check_writable(x86::VmcsField field, std::uint64_t value) {
    const auto operation = fmt::format("write {}", name(field));
    if (x86::group(field) == x86::VmcsGroup::ExitInformation)
        return failure(operation, "it is a read-only field, which the processor writes at a VM exit");
    if (!x86::vmcs12_offset(field))
        return failure(operation, "KVM does not keep this field, and so a guest does not have it");
    return check_width(name(field), x86::bytes(field), value);
}

// KVM refused a state. It may have left VMX operation before it looked: the old state is put back.
Error refused(kvm::VcpuPort& port, const kvm::NestedState& before, Error why) {
    const auto restored = port.set_nested_state(before);
    why.advice = restored ? "The VMCS is as it was"
                          : "The VMCS could not be put back, and the guest will not run as before: " +
                                restored.error().message();
    return why;
}

}  // namespace

Result<void> write_vmcs_field(kvm::VcpuPort& port, x86::VmcsField field, std::uint64_t value) {
    const auto before = TRY(port.nested_state());
    TRY(current_vmcs(before));
    TRY(check_writable(field, value));
    const auto operation = fmt::format("write {}", name(field));
    if (before.guest_mode)
        return failure(
            operation,
            "this vCPU runs the guest's guest (L2), and KVM takes a VMCS only by leaving L2, which "
            "loads L1's MSRs",
            "Write at L1's exit handler: `monitor until vm-exit`. L2's registers can be set with gdb");
    kvm::NestedState after = before;
    x86::write_vmcs12(after.image, field, value);
    if (auto set = port.set_nested_state(after); !set)
        return tl::unexpected(refused(port, before, set.error()));
    const auto now = TRY(port.nested_state());
    const auto vmcs = TRY(current_vmcs(now));
    if (const auto is = vmcs.fields.get(field); is != value)
        return failure(operation,
                       fmt::format("KVM took the VMCS, but the field reads 0x{:x} instead of 0x{:x}",
                                   is.value_or(0), value));
    return {};
}

Result<void> write_vmcb_field(std::span<std::byte> image, const x86::VmcbField& field, std::uint64_t value) {
    TRY(check_width(field.name, field.bytes, value));
    x86::write_vmcb(image, field, value);
    if (field.name != "CLEAN_BITS")
        x86::write_vmcb(image, x86::match_vmcb_fields("CLEAN_BITS").front(), 0);
    return {};
}

}  // namespace ringside::debug
