// Breakpoints whose planted instruction causes an exit that KVM handles itself (exit_trap.h).
#pragma once

#include <memory>

#include "vmm/debug/host/exit_trap.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/step_off.h"

namespace ringside::debug {

class PlantedExits {
  public:
    PlantedExits(kvm::VcpuPort& vcpu, ExitRegisters& at, const GuestView& view, const StepOff& step_off,
                 std::unique_ptr<ExitTrap> trap)
        : vcpu_(vcpu), at_(at), view_(view), step_off_(step_off), trap_(std::move(trap)) {}

    Result<void> arm(ExitTraps traps) { return trap_->arm(traps); }
    bool armed() const { return trap_->armed(); }
    // Returns true if the last KVM_RUN ended at such an exit, and forgets it.
    bool take_caught() { return trap_->take_caught(); }
    // Moves the vCPU back to the planted instruction, and returns its breakpoint; nullptr if the exit is the
    // guest's own. The registers have been fetched.
    Result<Breakpoint*> undo();

  private:
    x86::InterruptShadow shadow_here() const;

    kvm::VcpuPort& vcpu_;
    ExitRegisters& at_;
    const GuestView& view_;
    const StepOff& step_off_;
    std::unique_ptr<ExitTrap> trap_;
};

}  // namespace ringside::debug
