#include "vmm/debug/run_control/step_engine.h"

#include <utility>

#include "arch/x86_64/decode.h"
#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/msrs.h"
#include "arch/x86_64/register_instruction.h"
#include "vmm/debug/guest/guest_tables.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

namespace {

std::optional<Gva> read_msr(const kvm::VcpuPort& vcpu, std::uint32_t index) {
    kvm::Msr msr{index, 0};
    const auto count = vcpu.read_msrs({&msr, 1});
    return count && *count == 1 ? std::optional(Gva{msr.value}) : std::nullopt;
}

}  // namespace

void StepEngine::classify(bool single_stepped, std::span<Breakpoint* const> stepped_watchpoints) {
    std::array<std::byte, x86::kMaxInstructionLength> code{};
    const std::size_t size = view_.fetch(at_.system, at_.pc(), code);
    const auto bytes = std::span<const std::byte>(code).first(size);
    if (!single_stepped)
        guest_trap_flag_ = at_.trap_flag();
    const auto mode = x86::cpu_mode(at_.general, at_.system);
    step_ = x86::classify(bytes, mode);
    uses_only_registers_ = x86::uses_only_registers(bytes, mode);
    start_ = Place::of(at_.general);
    self_jump_ = x86::self_jump(bytes, mode, start_.rip);
    if (step_.kind == x86::StepKind::PopFlags)
        popped_trap_flag_ = pushed_trap_flag();
    if (stepped_watchpoints.empty())
        return;
    x86::CpuState state;
    state.general = at_.general;
    state.system = at_.system;
    watch_.before(stepped_watchpoints, view_, state, bytes);
}

// TF in the flags at the top of the stack: bit 0 of their second byte, whatever their width.
bool StepEngine::pushed_trap_flag() const {
    const auto flags = view_.load(at_.system, x86::linear_sp(at_.general, at_.system), 2);
    return flags && (*flags & x86::rflags::kTf) != 0;
}

bool StepEngine::must_halt() const {
    if (!at_halt())
        return false;
    const auto activity = kvm::activity(vcpu_);
    return !activity || *activity != kvm::Activity::Halted;
}

Result<void> StepEngine::step_over_halt() {
    at_.general.rip += step_.length;
    TRY(at_.store_general());
    return kvm::halt(vcpu_);
}

Result<void> StepEngine::arm(SlotSetup& setup, UserCode& user, bool debug_exception) {
    if (const auto led_to = target(debug_exception)) {
        setup.add(SlotUse::StepTarget, *led_to);
        return {};
    }
    if (user.unstepped_here())
        return user.add_step(setup);
    setup.single_step();
    return {};
}

// Where the step leads, if it enters or leaves the kernel and a slot can be put there: hardware clears TF on the way in,
// so a single-step would run through the whole handler.
std::optional<Gva> StepEngine::target(bool debug_exception) const {
    if (!abilities_.execute_slots)
        return std::nullopt;
    if (debug_exception) {
        const auto gate = interrupt_gate(view_, at_.general, at_.system, number(x86::ExceptionVector::Debug));
        return gate ? std::optional(gate->handler) : std::nullopt;
    }
    switch (step_.kind) {
        case x86::StepKind::SoftwareInterrupt:
            return interrupt_target(view_, at_.general, at_.system, step_.vector);
        case x86::StepKind::Syscall:
            return read_msr(vcpu_, x86::msr::kLstar);
        case x86::StepKind::Sysenter:
            return read_msr(vcpu_, x86::msr::kSysenterEip);
        case x86::StepKind::InterruptReturn: {
            // An emulated IRET may trap one instruction late.
            const auto target = interrupt_return_target(view_, at_.general, at_.system);
            if (!target || (target->privilege_level != 0 && !abilities_.execute_slots_user))
                return std::nullopt;
            return target->address;
        }
        default:
            return std::nullopt;
    }
}

// Stepping a self-jump once more changes nothing.
bool StepEngine::came_too_early() {
    if (self_jump_ == x86::SelfJump::Yes || Place::of(at_.general) != start_)
        return false;
    return self_jump_ == x86::SelfJump::No || early_traps_++ < kMostEarlyTraps;
}

bool StepEngine::is_echo(x86::Dr6 dr6, bool single_stepped) {
    const bool echo =
        !single_stepped && dr6.only_single_step() && stepped_to_ == at_.general.rip && !at_.trap_flag();
    if (!echo || !abilities_.step_traps_again)
        stepped_to_.reset();
    return echo;
}

// The client may have moved RIP since the step.
bool StepEngine::may_echo() {
    if (!abilities_.step_traps_again || !stepped_to_)
        return false;
    stepped_to_ = at_.general.rip;
    return true;
}

// KVM hides TF in the registers while it steps, so the guest's own TF is remembered from before.
bool StepEngine::finish(bool single_stepped) {
    stepped_to_ = at_.general.rip;
    early_traps_ = 0;
    const bool interrupted = single_stepped && note_interrupt();
    const bool owed = single_stepped && guest_trap_flag_;
    const auto kind = std::exchange(step_, x86::StepClass{}).kind;
    was_ordinary_ = kind == x86::StepKind::Ordinary;
    used_only_registers_ = std::exchange(uses_only_registers_, false);
    if (interrupted)
        return false;
    if (kind == x86::StepKind::PushFlags && !guest_trap_flag_)
        (void)find_trap_flag(view_, at_.system, x86::linear_sp(at_.general, at_.system));
    if (kind == x86::StepKind::PopFlags)
        guest_trap_flag_ = popped_trap_flag_;
    return owed;
}

void StepEngine::leave_unfinished() {
    if (at_.general.rip != origin_.rip)
        (void)note_interrupt();
}

// An interrupt or a fault came in place of the instruction: its handler runs without TF. The flags that it pushed hold
// either the guest's own TF or the step's, which IRET would restore. Only far from where the step began.
bool StepEngine::note_interrupt() {
    if (at_.general.rip - origin_.rip <= x86::kMaxInstructionLength)
        return false;
    const auto what = guest_trap_flag_ ? PushedTrapFlag::Keep : PushedTrapFlag::Clear;
    if (!find_pushed_trap_flag(view_, origin_, at_.general, at_.system, what))
        return false;
    guest_trap_flag_ = false;
    return true;
}

bool StepEngine::is_time_to_look() {
    if (--steps_until_look_ != 0)
        return false;
    steps_until_look_ = kStepsBetweenLooks;
    return true;
}

}  // namespace ringside::debug
