// Arms a vCPU before it is entered: slots and single-step, planted instructions that exit, TF in user code, and the
// exceptions that the guest is given. Owns what has been armed.
#pragma once

#include "vmm/debug/run_control/armed_setup.h"
#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/entry_needs.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/guest_debug_registers.h"
#include "vmm/debug/run_control/guest_traps.h"
#include "vmm/debug/run_control/planted_exits.h"
#include "vmm/debug/run_control/recorded_run.h"
#include "vmm/debug/run_control/step_engine.h"
#include "vmm/debug/run_control/step_off.h"
#include "vmm/debug/run_control/user_code.h"

namespace ringside::debug {

class EntryArming {
  public:
    // Uses none of its arguments before prepare(): they need not be constructed yet.
    EntryArming(kvm::VcpuPort& vcpu, DebugContext& context, ExitRegisters& at, const EntryNeeds& needs,
                StepEngine& step, const StepOff& step_off, RecordedRun& recording);

    // Returns true if the last entry had anything armed.
    bool anything() const { return armed_.anything() || exits_.armed(); }
    bool single_steps() const { return armed_.single_steps(); }
    const SlotSetup& setup() const { return armed_.setup(); }

    // Before each entry: looks at what the guest has changed, arms the exit traps, and if the entry is a step,
    // examines its instruction.
    Result<void> prepare();
    // Returns true if the instruction is a HLT that is stepped by halting (StepEngine::step_over_halt()).
    bool at_halt_to_step() const;
    // After prepare(): programs KVM. `steps`: the entry is a step.
    Result<void> program(bool steps);
    // Returns true if the next step may be entered as the last one was, without program(). Examines the instruction.
    bool stays_armed();

    // Examines the instruction at RIP, for a step.
    void examine();
    // Looks if there are enough slots for the guest and the debugger.
    Result<void> look_at_guest_slots();

    GuestDebugRegisters& own() { return own_; }
    const GuestDebugRegisters& own() const { return own_; }
    GuestTraps& traps() { return traps_; }
    UserCode& user() { return user_; }
    PlantedExits& exits() { return exits_; }

  private:
    SlotSetup wanted(bool steps) const;

    kvm::VcpuPort& vcpu_;
    DebugContext& context_;
    ExitRegisters& at_;
    const EntryNeeds& needs_;
    StepEngine& step_;
    const StepOff& step_off_;
    RecordedRun& recording_;
    ArmedSetup armed_;
    GuestDebugRegisters own_;
    GuestTraps traps_;
    UserCode user_;
    PlantedExits exits_;
};

}  // namespace ringside::debug
