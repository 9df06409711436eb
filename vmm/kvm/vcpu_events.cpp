#include "vmm/kvm/vcpu_events.h"

#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/vmx_events.h"
#include "vmm/kvm/chips.h"

namespace ringside::kvm {

using x86::ExceptionVector;

namespace {

std::uint8_t shadow_flags(x86::InterruptShadow shadow) {
    switch (shadow) {
        case x86::InterruptShadow::Sti:
            return KVM_X86_SHADOW_INT_STI;
        case x86::InterruptShadow::MovSs:
            return KVM_X86_SHADOW_INT_MOV_SS;
        case x86::InterruptShadow::None:
            break;
    }
    return 0;
}

// The events without an exception, to be set. KVM's own pending NMI is newer than what was read.
Result<kvm_vcpu_events> events_without_exception(const VcpuPort& vcpu) {
    auto events = TRY(vcpu.events());
    events.exception.injected = 0;
    events.exception.pending = 0;
    events.flags &= ~static_cast<std::uint32_t>(KVM_VCPUEVENT_VALID_NMI_PENDING);
    return events;
}

}  // namespace

bool is_debug_exit(const VcpuPort& vcpu) {
    return vcpu.shared().exit_reason == KVM_EXIT_DEBUG;
}

DebugExit debug_exit(const VcpuPort& vcpu) {
    const auto& exit = vcpu.shared().debug.arch;
    return {.breakpoint = exit.exception == number(ExceptionVector::Breakpoint),
            .debug = exit.exception == number(ExceptionVector::Debug),
            .pc = exit.pc,
            .dr6 = x86::Dr6::from_raw(exit.dr6),
            .dr7 = x86::Dr7::from_raw(exit.dr7)};
}

bool is_halt_exit(const VcpuPort& vcpu) {
    return vcpu.shared().exit_reason == KVM_EXIT_HLT;
}

bool is_emulation_failure(const VcpuPort& vcpu) {
    const kvm_run& run = vcpu.shared();
    return run.exit_reason == KVM_EXIT_INTERNAL_ERROR &&
           run.internal.suberror == KVM_INTERNAL_ERROR_EMULATION;
}

bool is_msr_read(const VcpuPort& vcpu, std::uint32_t index) {
    const kvm_run& run = vcpu.shared();
    return run.exit_reason == KVM_EXIT_X86_RDMSR && run.msr.index == index;
}

std::optional<std::uint64_t> entry_failure(const VcpuPort& vcpu) {
    const kvm_run& run = vcpu.shared();
    if (run.exit_reason != KVM_EXIT_FAIL_ENTRY)
        return std::nullopt;
    return run.fail_entry.hardware_entry_failure_reason;
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

Result<void> undo_halt(VcpuPort& vcpu, x86::InterruptShadow shadow) {
    auto events = TRY(events_without_exception(vcpu));
    events.flags |= KVM_VCPUEVENT_VALID_SHADOW;
    events.interrupt.shadow = shadow_flags(shadow);
    TRY(vcpu.set_mp_state(KVM_MP_STATE_RUNNABLE));
    return vcpu.set_events(events);
}

Result<std::optional<x86::PendingException>> pending_exception(const VcpuPort& vcpu) {
    return from_kvm(TRY(vcpu.events())).exception;
}

bool debug_exception_is_pending(const VcpuPort& vcpu) {
    const auto exception = pending_exception(vcpu);
    return exception && *exception && (*exception)->vector == number(ExceptionVector::Debug);
}

Result<void> drop_exception(VcpuPort& vcpu) {
    return vcpu.set_events(TRY(events_without_exception(vcpu)));
}

Result<void> inject_exception(VcpuPort& vcpu, std::uint8_t vector, std::optional<std::uint32_t> error_code) {
    auto events = TRY(vcpu.events());
    events.exception.injected = 1;
    events.exception.nr = vector;
    events.exception.has_error_code = error_code ? 1 : 0;
    events.exception.error_code = error_code.value_or(0);
    return vcpu.set_events(events);
}

Result<bool> inject_nmi(VcpuPort& vcpu) {
    auto events = TRY(vcpu.events());
    if (events.nmi.pending != 0)
        return false;
    events.nmi.pending = 1;
    events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
    TRY(vcpu.set_events(events));
    return true;
}

Result<void> clear_events(VcpuPort& vcpu) {
    return vcpu.set_events(kvm_vcpu_events{});
}

Result<std::uint64_t> interruptibility(const VcpuPort& vcpu) {
    const auto events = from_kvm(TRY(vcpu.events()));
    return (events.shadow_of_sti ? x86::vmx::kBlockedBySti : 0) |
           (events.shadow_of_mov_ss ? x86::vmx::kBlockedByMovSs : 0) |
           (events.in_smm ? x86::vmx::kBlockedBySmi : 0) | (events.nmi_masked ? x86::vmx::kBlockedByNmi : 0);
}

}  // namespace ringside::kvm
