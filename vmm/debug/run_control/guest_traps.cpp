#include "vmm/debug/run_control/guest_traps.h"

#include "arch/x86_64/exceptions.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

void GuestTraps::look() {
    if (pending_)
        pending_ = kvm::debug_exception_is_pending(vcpu_);
}

// Before an exception is injected: KVM forgets a pending one when it is given registers.
Result<void> GuestTraps::end_single_step(bool guest_trap_flag) {
    if (!armed_.single_steps())
        return {};
    TRY(armed_.end_single_step());
    if (!guest_trap_flag)
        return {};
    at_.set_trap_flag();
    return at_.store_general();
}

Result<void> GuestTraps::give_debug_exception(std::uint64_t causes, bool guest_trap_flag) {
    TRY(end_single_step(guest_trap_flag));
    auto debug = TRY(vcpu_.debug());
    debug.dr6 = (debug.dr6 & ~x86::Dr6::kSlots) | causes;
    TRY(vcpu_.set_debug(debug));
    TRY(armed_.inject_debug_exception());
    pending_ = true;
    return {};
}

Result<void> GuestTraps::give_breakpoint() {
    if (kvm::is_debug_exit(vcpu_))
        return armed_.inject_breakpoint();
    ++at_.general.rip;
    TRY(at_.store_general());
    return kvm::inject_exception(vcpu_, number(x86::ExceptionVector::Breakpoint));
}

Result<void> GuestTraps::note_delivered(const Breakpoint& breakpoint) {
    if (breakpoint.mechanism != Mechanism::Planted || !TRY(own_.breaks_at(at_.pc())))
        return {};
    at_.general.rflags |= x86::rflags::kRf;
    return at_.store_general();
}

}  // namespace ringside::debug
