// One step of the guest: what is stepped, how, and what must be corrected afterwards. Everything that makes the guest
// step (a client, a range, stepping off a breakpoint, a watchpoint without a slot) uses it, and follows the same rules:
//
// - The guest does not see the TF of the step: it is not in what PUSHF or an interrupt pushes.
// - The guest's own TF stays, and the #DB that it causes is delivered to the guest.
// - An instruction that enters or leaves the kernel is stepped with a slot at its target.
// - A trap that comes before the instruction is not a step; a second trap for the same step is not the guest's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "arch/x86_64/debug_registers.h"
#include "arch/x86_64/step_class.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/interrupted_step.h"
#include "vmm/debug/run_control/user_code.h"
#include "vmm/debug/run_control/watch_by_stepping.h"

namespace ringside::debug {

class StepEngine {
  public:
    static constexpr unsigned kStepsBetweenLooks = 64;  // at page tables; a few ms

    StepEngine(kvm::VcpuPort& vcpu, ExitRegisters& at, const GuestView& view, const HostAbilities& abilities)
        : vcpu_(vcpu), at_(at), view_(view), abilities_(abilities) {}

    // ---- Before a step

    // Examines the instruction at RIP. `single_stepped`: KVM is single-stepping, so TF in the
    // registers is not the guest's own.
    void classify(bool single_stepped, std::span<Breakpoint* const> stepped_watchpoints);
    x86::StepKind kind() const { return step_.kind; }
    // Of the last step that was finished.
    bool was_ordinary() const { return was_ordinary_; }
    // The same: the processor has executed it, or KVM executes the next instruction, too.
    bool used_only_registers() const { return used_only_registers_; }
    // Not in L2, whose HLT is L1's to handle: the step leads to L1.
    bool at_halt() const {
        return step_.kind == x86::StepKind::Halt && !at_.in_user_mode() && !at_.system.inner.running;
    }
    // Returns true if a HLT is to be executed here. A vCPU may be at a HLT while it is still halted by the one before it.
    bool must_halt() const;
    // Steps an HLT by doing what it does: the vCPU is moved past it, and halted until an interrupt comes. (A KVM that
    // emulates it under a single-step exits before it halts, and halts at a later instruction.)
    Result<void> step_over_halt();
    // Adds what makes the vCPU stop after the instruction: a slot where it leads, TF in user code's RFLAGS, or KVM's
    // single-step. `debug_exception`: a #DB of the guest's own is delivered first.
    Result<void> arm(SlotSetup& setup, UserCode& user, bool debug_exception);
    // The vCPU is entered; remembered so that an interrupted step can be recognized.
    void note_entry() { origin_ = StepOrigin::from(at_.general, at_.system); }

    // ---- After a debug exit

    // Returns true if the trap came before the instruction, which must then be stepped again. Emulated VMX does so on a
    // vCPU's first entry, and after an EPT violation.
    bool came_too_early();
    // Returns true if the trap of the last step has come again, at an entry without a single-step (emulated VMX
    // does so, even twice, if KVM has completed the instruction itself). It is not the guest's.
    bool is_echo(x86::Dr6 dr6, bool single_stepped);
    // Returns true if that may happen at the next entry, which is at RIP.
    bool may_echo();
    // The step is done: clears TF in what a PUSHF has pushed. Returns true if the guest must get a #DB of its own.
    // `single_stepped`: it was done by KVM's single-step.
    bool finish(bool single_stepped);
    // The watchpoints that it has triggered.
    std::vector<TouchedWatchpoint> touched(std::span<Breakpoint* const> stepped_watchpoints) {
        return stepped_watchpoints.empty()
                   ? std::vector<TouchedWatchpoint>{}
                   : watch_.after(stepped_watchpoints, view_, at_.general, at_.system);
    }
    // Of the same step (WatchByStepping).
    bool wrote_near(std::span<Breakpoint* const> stepped_watchpoints) const {
        return watch_.wrote_near(stepped_watchpoints, view_);
    }
    // The step was interrupted by a handler that runs now, because the vCPU parks or stops at a breakpoint elsewhere
    // than where it was entered: clears TF in what the interrupt has pushed.
    void leave_unfinished();

    // The guest's own TF, at the instruction that was last examined.
    bool guest_trap_flag() const { return guest_trap_flag_; }

    // Returns true every so many steps.
    bool is_time_to_look();

  private:
    // An instruction that leaves all of it unchanged has not been executed, or is a jump to itself.
    struct Place {
        std::uint64_t rip = 0, rsp = 0, rcx = 0;
        static Place of(const x86::GeneralRegisters& general) {
            return {general.rip, general.rsp, general.rcx};
        }
        friend bool operator==(const Place&, const Place&) = default;
    };
    // One for each page that an indirect jump accesses. More of them are the jump itself.
    static constexpr unsigned kMostEarlyTraps = 8;

    std::optional<Gva> target(bool debug_exception) const;
    bool pushed_trap_flag() const;
    bool note_interrupt();

    kvm::VcpuPort& vcpu_;
    ExitRegisters& at_;
    const GuestView& view_;
    const HostAbilities& abilities_;

    x86::StepClass step_;
    bool was_ordinary_ = false;
    bool uses_only_registers_ = false;  // the instruction that is being stepped
    bool used_only_registers_ = false;
    Place start_;  // of the instruction that is being stepped
    x86::SelfJump self_jump_ = x86::SelfJump::Yes;
    unsigned early_traps_ = 0;  // of an instruction that may be a self-jump
    bool guest_trap_flag_ = false;
    bool popped_trap_flag_ = false;  // what a POPF that is being stepped loads
    StepOrigin origin_;
    std::optional<std::uint64_t> stepped_to_;  // RIP after the last step, until it can come no more
    unsigned steps_until_look_ = kStepsBetweenLooks;
    WatchByStepping watch_;
};

}  // namespace ringside::debug
