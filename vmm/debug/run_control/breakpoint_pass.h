// Takes a vCPU past a breakpoint that does not stop it: in software where that is exact, otherwise by a step.
#pragma once

#include <cstdint>

#include "vmm/debug/run_control/entry_arming.h"
#include "vmm/debug/run_control/plain_pass.h"

namespace ringside::debug {

class BreakpointPass {
  public:
    // What is left to do before the next entry.
    enum class Next : std::uint8_t {
        Passed,   // the vCPU runs on: the instruction is done
        Nothing,  // what is armed stays; also if another vCPU steps off something: the breakpoint is hit again
        Arm,      // the vCPU, for the step or to run on
        AfterStep  // a step has ended here: it may be the client's, otherwise as Arm
    };

    BreakpointPass(kvm::VcpuPort& vcpu, DebugContext& context, ExitRegisters& at, const EntryNeeds& needs,
                   EntryArming& arming, StepEngine& step, StepOff& step_off, TracedRun& traced)
        : vcpu_(vcpu),
          view_(context.view),
          at_(at),
          needs_(needs),
          arming_(arming),
          step_(step),
          step_off_(step_off),
          traced_(traced),
          plain_(at, vcpu, context.view) {}

    // After a hit. `stepped`: a step has ended at the same exit.
    Result<Next> after_hit(const Breakpoint& breakpoint, bool stepped);
    // The same, always by a step; also for a breakpoint at which the vCPU was stopped. A watchpoint has already
    // executed its instruction.
    Result<Next> step_off(const Breakpoint& breakpoint, bool stepped);
    // Steps over an instruction with an unwanted slot: a handler that was entered for the guest's own reasons, a MOV to
    // a debug register.
    Next pass_over_slot();

  private:
    Result<bool> in_software(const Breakpoint& breakpoint);
    const Breakpoint& to_lift(const Breakpoint& breakpoint) const;

    kvm::VcpuPort& vcpu_;
    const GuestView& view_;
    const ExitRegisters& at_;
    const EntryNeeds& needs_;
    EntryArming& arming_;
    StepEngine& step_;
    StepOff& step_off_;
    TracedRun& traced_;
    PlainPass plain_;
};

}  // namespace ringside::debug
