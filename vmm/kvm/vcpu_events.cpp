#include "vmm/kvm/vcpu_events.h"

#include "arch/x86_64/exceptions.h"

namespace ringside::kvm {

using x86::ExceptionVector;

bool is_debug_exit(const VcpuPort& vcpu) {
    return vcpu.shared().exit_reason == KVM_EXIT_DEBUG;
}

DebugExit debug_exit(const VcpuPort& vcpu) {
    const auto& exit = vcpu.shared().debug.arch;
    return {.breakpoint = exit.exception == number(ExceptionVector::Breakpoint),
            .debug = exit.exception == number(ExceptionVector::Debug),
            .dr6 = x86::Dr6::from_raw(exit.dr6),
            .dr7 = x86::Dr7::from_raw(exit.dr7)};
}

Result<Activity> activity(const VcpuPort& vcpu) {
    return activity_of(TRY(vcpu.mp_state()));
}

Activity activity_of(std::uint32_t mp_state) {
    switch (mp_state) {
        case KVM_MP_STATE_UNINITIALIZED:
        case KVM_MP_STATE_INIT_RECEIVED:
            return Activity::WaitingForSipi;
        case KVM_MP_STATE_HALTED:
            return Activity::Halted;
        default:
            return Activity::Executing;
    }
}

Result<void> halt(VcpuPort& vcpu) {
    auto events = TRY(vcpu.events());
    events.flags |= KVM_VCPUEVENT_VALID_SHADOW;
    events.interrupt.shadow = 0;
    TRY(vcpu.set_events(events));
    return vcpu.set_mp_state(KVM_MP_STATE_HALTED);
}

Result<void> inject_breakpoint_trap(VcpuPort& vcpu) {
    auto events = TRY(vcpu.events());
    events.exception.injected = 1;
    events.exception.nr = number(ExceptionVector::Breakpoint);
    events.exception.has_error_code = 0;
    return vcpu.set_events(events);
}

Result<std::uint64_t> interruptibility(const VcpuPort& vcpu) {
    constexpr std::uint64_t kBySti = 1, kByMovSs = 2, kBySmi = 4, kByNmi = 8;
    const auto events = TRY(vcpu.events());
    const std::uint64_t shadow = ((events.interrupt.shadow & KVM_X86_SHADOW_INT_STI) != 0 ? kBySti : 0) |
                                 ((events.interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS) != 0 ? kByMovSs : 0);
    return shadow | (events.smi.smm != 0 ? kBySmi : 0) | (events.nmi.masked != 0 ? kByNmi : 0);
}

bool debug_exception_is_pending(const VcpuPort& vcpu) {
    const auto events = vcpu.events();
    return events && (events->exception.injected != 0 || events->exception.pending != 0) &&
           events->exception.nr == number(ExceptionVector::Debug);
}

}  // namespace ringside::kvm
