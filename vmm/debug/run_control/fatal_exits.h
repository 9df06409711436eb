// Exits after which KVM does not enter the vCPU again: completes the instruction that KVM could not emulate, or says why
// the vCPU is dead.
#pragma once

#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/instruction_completion.h"
#include "vmm/debug/run_control/recorded_run.h"
#include "vmm/debug/run_control/stop_report.h"
#include "vmm/machine/vcpu_thread.h"

namespace ringside::debug {

class FatalExits {
  public:
    FatalExits(machine::VcpuThread& thread, DebugContext& context, ExitRegisters& at, RecordedRun& recording,
               StopReport& report)
        : thread_(thread), context_(context), at_(at), recording_(recording), report_(report) {}

    // Returns true if the instruction that KVM could not emulate is an int3, the guest's own or a planted one.
    bool at_int3() const;
    // Executes that instruction. Returns false if it must not be executed here.
    Result<bool> complete();
    // The vCPU is dead: reports it. On an error nothing was reported.
    Result<void> die(machine::FatalExit cause);

  private:
    machine::VcpuThread& thread_;
    DebugContext& context_;
    ExitRegisters& at_;
    RecordedRun& recording_;
    StopReport& report_;
    InstructionCompletion completion_;
};

}  // namespace ringside::debug
