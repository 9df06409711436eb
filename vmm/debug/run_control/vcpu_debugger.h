// The debugger's part of one vCPU's exit loop: arms the vCPU before it runs, and decides at each debug exit if a client
// must be told. Steps, range steps, conditions and watchpoints without a slot all run here, in the vCPU's thread.
//
// It sorts exits and passes each to one of the objects that it holds; the README says what each of them keeps.
//
// Threading: set_action() and the accessors are for the server's thread while the vCPU is parked; all else runs on the
// vCPU's own thread.
#pragma once

#include <optional>
#include <string>

#include "gdbstub/target.h"
#include "vmm/debug/run_control/breakpoint_pass.h"
#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/debug_exit_cause.h"
#include "vmm/debug/run_control/entry_arming.h"
#include "vmm/debug/run_control/entry_needs.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/fatal_exits.h"
#include "vmm/debug/run_control/guarded_run.h"
#include "vmm/debug/run_control/recorded_run.h"
#include "vmm/debug/run_control/step_engine.h"
#include "vmm/debug/run_control/step_off.h"
#include "vmm/debug/run_control/stop_report.h"
#include "vmm/debug/run_control/vcpu_stops.h"

namespace ringside::debug {

class VcpuDebugger {
  public:
    VcpuDebugger(machine::VcpuThread& thread, DebugContext& context);

    void set_action(const gdbstub::ResumeAction& action) {
        needs_.action().set(action);
        stops_.forget_clients(context_.coordinator.is_shown(thread_.index()));
    }
    // Returns true if it runs on when resumed, rather than steps.
    bool continues() const { return needs_.action().continues(); }
    // Why this vCPU can never run again; nullptr if it can.
    const std::string* dead() const { return report_.dead(); }
    // The registers at the stop that this vCPU has reported, which need not be fetched again; nullptr if it was
    // stopped for another reason.
    const ExitRegisters* stop_registers() const { return report_.made() ? &at_ : nullptr; }
    // As the functions of StopReport.
    void is_shown_at(Gva pc) { report_.is_shown_at(pc); }
    void moved_in_time(bool present) { report_.moved_in_time(present); }
    void future_is_gone() { report_.future_is_gone(); }

    // machine::VcpuObserver, for this vCPU. `known` is its state if no fetching is needed.
    void before_entry(const x86::CpuState* known);
    void on_debug_exit();
    void on_interrupted();
    void on_fatal_exit(machine::FatalExit cause);
    void on_parked();
    void on_dirty_ring_full();
    bool on_write_fault();
    bool on_unwritten(Gpa gpa, std::span<const std::byte> data);
    // After an exit for a device or a signal: the guest may have changed its handlers.
    void look_at_handlers();

  private:
    bool done(Result<void> result);
    bool client_would_go_on() const { return !needs_.action().continues() || stops_.is_at_clients(); }
    bool follow(const Result<GuardedRun::Next>& next);
    void fail(const Error& error);
    void arm();
    bool step_over_halt();

    // Debug exits (vcpu_debug_exits.cpp).
    bool give_guest_slots(const DebugExitCause& cause);
    void on_int3();
    bool on_planted_exit();
    void on_planted(Breakpoint& breakpoint);
    void on_slots(unsigned hits, bool stepped);
    void on_handler(SlotUse handler);
    void on_debug_register_access();
    void on_left_l2();

    // Steps and stops (vcpu_steps.cpp).
    void on_step();
    void on_completed();
    bool finish_step();
    void next_step();
    bool ends_here();
    bool stop(std::optional<VcpuStops::Stop> stop);
    void hit(Breakpoint& breakpoint, bool stepped, std::span<const TouchedWatchpoint> touched = {});
    void pass(const Breakpoint& breakpoint, bool stepped);
    void go_on(Result<BreakpointPass::Next> next);
    void stop_behind(unsigned length, const char* instruction);

    machine::VcpuThread& thread_;
    DebugContext& context_;
    ExitRegisters at_;
    StopReport report_;
    VcpuStops stops_;
    RecordedRun recording_;
    StepEngine step_;
    StepOff step_off_;
    GuardedRun guarded_;
    EntryArming arming_;
    EntryNeeds needs_;
    BreakpointPass pass_;
    FatalExits fatal_;
};

}  // namespace ringside::debug
