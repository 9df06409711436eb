#include "vmm/kvm/nested_step.h"

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/vmcs12.h"
#include "arch/x86_64/vmx_events.h"

namespace ringside::kvm {

bool may_show_single_step(const NestedState& state) {
    if (state.format != NestedState::Format::Vmx || !state.guest_mode)
        return false;
    const auto vmcs = x86::read_vmcs12(state.image);
    return vmcs && (vmcs->fields.get(x86::VmcsField::GuestRflags).value_or(0) & x86::rflags::kTf) != 0;
}

void hide_single_step(NestedState& state, std::uint64_t rflags) {
    using enum x86::VmcsField;
    if (!may_show_single_step(state) || (rflags & x86::rflags::kTf) != 0)
        return;
    const auto fields = x86::read_vmcs12(state.image)->fields;
    x86::write_vmcs12(state.image, GuestRflags, fields.get(GuestRflags).value_or(0) & ~x86::rflags::kTf);
    x86::write_vmcs12(state.image, GuestPendingDebugExceptions,
                      fields.get(GuestPendingDebugExceptions).value_or(0) & ~x86::vmx::kPendingSingleStep);
}

}  // namespace ringside::kvm
