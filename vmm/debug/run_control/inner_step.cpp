#include "vmm/debug/run_control/inner_step.h"

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/vmcs12.h"
#include "arch/x86_64/vmx_events.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

namespace {

Result<void> drop_debug_exception(kvm::VcpuPort& vcpu) {
    const auto exception = TRY(kvm::pending_exception(vcpu));
    const bool is_debug = exception && exception->vector == number(x86::ExceptionVector::Debug);
    return is_debug ? kvm::drop_exception(vcpu) : Result<void>{};
}

Result<void> clear_trap_flag_in_vmcs(kvm::VcpuPort& vcpu) {
    constexpr std::uint64_t kTf = x86::rflags::kTf, kPendingStep = x86::vmx::kPendingSingleStep;
    auto state = TRY(vcpu.nested_state());
    if (state.format != kvm::NestedState::Format::Vmx || !state.current_control || state.image.empty())
        return {};
    const auto vmcs = x86::read_vmcs12(state.image);
    if (!vmcs)
        return {};
    const auto flags = vmcs->fields.get(x86::VmcsField::GuestRflags).value_or(0);
    const auto pending = vmcs->fields.get(x86::VmcsField::GuestPendingDebugExceptions).value_or(0);
    if ((flags & kTf) == 0 && (pending & kPendingStep) == 0)
        return {};
    x86::write_vmcs12(state.image, x86::VmcsField::GuestRflags, flags & ~kTf);
    x86::write_vmcs12(state.image, x86::VmcsField::GuestPendingDebugExceptions, pending & ~kPendingStep);
    return vcpu.set_nested_state(state);
}

}  // namespace

Result<void> forget_inner_step(kvm::VcpuPort& vcpu, bool own_trap_flag) {
    TRY(drop_debug_exception(vcpu));
    return own_trap_flag ? Result<void>{} : clear_trap_flag_in_vmcs(vcpu);
}

}  // namespace ringside::debug
