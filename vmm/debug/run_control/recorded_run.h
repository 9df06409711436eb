// The recording of the guest's run: the vCPU's debugger reports to it. While there is no recording, each call does
// nothing.
#pragma once

#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

class RecordedRun {
  public:
    RecordedRun(const DebugContext& context, const ExitRegisters& at) : context_(context), at_(at) {}

    bool active() const { return context_.recorder != nullptr && context_.recorder->active(); }
    // Returns true if interrupts are to be blocked during the next step.
    bool blocks_interrupts() const { return active() && !context_.recorder->lets_interrupts_in(); }

    // As history::Recorder's, at the registers of the exit.
    void before_step(history::Interrupts interrupts) {
        if (active())
            context_.recorder->before_step(at_.general, at_.system, interrupts);
    }
    void irregular() {
        if (active())
            context_.recorder->irregular();
    }
    Result<void> after_step() {
        return active() ? context_.recorder->after_step(at_.general, at_.system) : Result<void>{};
    }
    Result<void> look() {
        return active() ? context_.recorder->look(at_.general, at_.system) : Result<void>{};
    }
    Result<void> recall() { return active() ? context_.recorder->recall() : Result<void>{}; }
    Result<void> make_room() { return active() ? context_.recorder->make_room() : Result<void>{}; }

  private:
    const DebugContext& context_;
    const ExitRegisters& at_;
};

}  // namespace ringside::debug
