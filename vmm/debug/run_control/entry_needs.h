// Why a vCPU steps rather than runs, and what follows for its next entry.
#pragma once

#include "vmm/debug/run_control/client_action.h"
#include "vmm/debug/run_control/guest_debug_registers.h"
#include "vmm/debug/run_control/recorded_run.h"
#include "vmm/debug/run_control/step_off.h"
#include "vmm/debug/run_control/vcpu_stops.h"

namespace ringside::debug {

class EntryNeeds {
  public:
    EntryNeeds(VcpuIndex vcpu, const DebugContext& context, const GuestDebugRegisters& own,
               const VcpuStops& stops, const RecordedRun& recording, const StepOff& step_off)
        : vcpu_(vcpu),
          context_(context),
          own_(own),
          stops_(stops),
          recording_(recording),
          step_off_(step_off) {}

    // What the client wants of the vCPU.
    ClientAction& action() { return action_; }
    const ClientAction& action() const { return action_; }

    // The breakpoints as they apply to this vCPU: without their slots while the guest needs those for itself.
    const DebugPlan& plan() const { return own_.plan(context_.table); }
    // Returns true if every instruction is needed: by the client, a recording, a tracepoint, a breakpoint without
    // another mechanism, the search for xchg %bx,%bx, or a watch of states or handlers.
    bool stepping() const;
    // Returns true if the next entry is a step: for one of these, or to step off.
    bool must_step() const { return stepping() || step_off_.active(); }
    // Returns true if interrupts are to be blocked during it. A client's step stays in the code that it steps. Stepping
    // in place of a watchpoint lets the guest take its interrupts, and a recording does so from time to time.
    bool blocks_interrupts() const;
    // What the next exit is to bring along: what a step needs, and a hit that may not stop.
    kvm::SyncedState at_exit() const;

  private:
    VcpuIndex vcpu_;
    const DebugContext& context_;
    const GuestDebugRegisters& own_;
    const VcpuStops& stops_;
    const RecordedRun& recording_;
    const StepOff& step_off_;
    ClientAction action_;
};

}  // namespace ringside::debug
