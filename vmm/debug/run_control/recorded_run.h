// The recording of the guest's run: the vCPU's debugger reports to it. While there is no recording, each call does
// nothing.
#pragma once

#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

class RecordedRun {
  public:
    RecordedRun(VcpuIndex vcpu, const DebugContext& context, const ExitRegisters& at)
        : vcpu_(vcpu), context_(context), at_(at) {}

    bool active() const { return context_.recorder != nullptr && context_.recorder->active(); }
    // Returns true if interrupts are to be blocked during the next step.
    bool blocks_interrupts() const { return active() && !context_.recorder->lets_interrupts_in(vcpu_); }

    // As history::Recorder's, at the registers of the exit.
    void before_step(history::Interrupts interrupts) {
        if (active())
            context_.recorder->before_step(vcpu_, at_.general, at_.system, interrupts);
    }
    void irregular() {
        if (active())
            context_.recorder->irregular(vcpu_);
    }
    Result<void> after_step() {
        return active() ? context_.recorder->after_step(vcpu_, at_.general, at_.system) : Result<void>{};
    }
    Result<void> look() {
        return active() ? context_.recorder->look(vcpu_, at_.general, at_.system) : Result<void>{};
    }
    Result<void> recall() { return active() ? context_.recorder->recall(vcpu_) : Result<void>{}; }
    Result<void> make_room() { return active() ? context_.recorder->make_room() : Result<void>{}; }

    // Turns, where several vCPUs are recorded. Returns true if the vCPU's turn is over with this step.
    bool ends_turn() {
        return takes_turns() && context_.turns->stepped(vcpu_, context_.recorder->waits(vcpu_));
    }
    Result<void> begin_turn() { return takes_turns() ? context_.turns->entering(vcpu_) : Result<void>{}; }
    void interrupted() {
        if (takes_turns())
            context_.turns->interrupted(vcpu_);
    }

  private:
    bool takes_turns() const { return active() && context_.turns != nullptr && context_.turns->active(); }

    VcpuIndex vcpu_;
    const DebugContext& context_;
    const ExitRegisters& at_;
};

}  // namespace ringside::debug
