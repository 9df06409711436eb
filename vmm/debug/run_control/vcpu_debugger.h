// The debugger's half of one vCPU's exit loop: arms the vCPU before it runs, and decides at each debug exit whether the
// client must know. Steps, range steps, conditions and watchpoints without a slot all run here, next to the guest.
//
// It sorts exits and passes them to the objects that handle them: StepEngine, StepOff, GuestDebugRegisters, GuestTraps,
// UserTrapFlag.
//
// Threading: set_action() and the accessors are for the server's thread while the vCPU is parked; all else runs on the
// vCPU's own thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "gdbstub/target.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/host/exit_trap.h"
#include "vmm/debug/run_control/armed_setup.h"
#include "vmm/debug/run_control/condition_scope.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/guest_debug_registers.h"
#include "vmm/debug/run_control/guest_stops.h"
#include "vmm/debug/run_control/guest_traps.h"
#include "vmm/debug/run_control/instruction_completion.h"
#include "vmm/debug/run_control/step_engine.h"
#include "vmm/debug/run_control/step_off.h"
#include "vmm/debug/run_control/stop_coordinator.h"
#include "vmm/debug/run_control/user_trap_flag.h"
#include "vmm/history/recorder.h"

namespace ringside::debug {

// What a vCPU's debugger reports beside stops; on the vCPU's thread.
class VcpuEvents {
  public:
    virtual ~VcpuEvents() = default;
    // The vCPU cannot go on. Before the stop is reported.
    virtual void on_dead(VcpuIndex, machine::FatalExit, const std::string& report) = 0;
    // The guest's own debug slots and the debugger's are more than there are.
    virtual void on_slots_short(VcpuIndex) = 0;
    // An instruction was executed for KVM; the first time only.
    virtual void on_completed(VcpuIndex) = 0;
    // A breakpoint's commands have printed something.
    virtual void on_printed(VcpuIndex, const std::string& text) = 0;
};

// What all vCPUs share.
struct DebugContext {
    BreakpointTable& table;
    const GuestView& view;
    StopCoordinator& coordinator;
    const x86::RegisterFile& registers;  // what conditions name registers by
    VcpuEvents& events;
    HostAbilities abilities = {};
    std::function<std::unique_ptr<ExitTrap>()> new_exit_trap = make_perf_exit_trap;
    history::Recorder* recorder = nullptr;
    GuestStops guest_stops = {};   // what the client wants of them
    bool block_interrupts = true;  // during a client's step, where the host can do that
};

// What a vCPU is doing, as far as the debugger is concerned.
namespace phase {
struct Free {};      // it runs or steps as the client has resumed it
struct Reported {};  // it has reported a stop, at the registers of that exit
struct Dead {        // it can never run again
    std::string why;
};
}  // namespace phase
using VcpuPhase = std::variant<phase::Free, phase::Reported, phase::Dead>;

class VcpuDebugger {
  public:
    VcpuDebugger(machine::VcpuThread& thread, DebugContext& context);

    void set_action(const gdbstub::ResumeAction& action) { action_ = action; }
    // Returns true if it runs on when resumed, rather than step.
    bool continues() const { return std::holds_alternative<gdbstub::Continue>(action_); }
    // Why this vCPU can never run again; nullptr if it can.
    const std::string* dead() const {
        const auto* dead = std::get_if<phase::Dead>(&phase_);
        return dead != nullptr ? &dead->why : nullptr;
    }
    // The registers at the stop that this vCPU has reported, which need not be fetched again; nullptr if it was
    // stopped for another reason.
    const ExitRegisters* stop_registers() const {
        return std::holds_alternative<phase::Free>(phase_) ? nullptr : &at_;
    }

    // machine::VcpuObserver, for this vCPU. `known` is its state if no fetching is needed.
    void before_entry(const x86::CpuState* known);
    void on_debug_exit();
    void on_interrupted();
    void on_fatal_exit(machine::FatalExit cause);
    void on_parked();
    void on_dirty_ring_full();
    // The vCPU was given another state by going back or forward in its history. At the present's end it may be dead.
    void moved_in_time(bool present) {
        phase_ = present && death_ ? VcpuPhase{phase::Dead{*death_}} : VcpuPhase{phase::Free{}};
    }
    // It will not come to the end that it has come to.
    void future_is_gone() { death_.reset(); }

  private:
    const DebugPlan& plan() const {
        return own_.short_of_slots() ? context_.table.plan_without_slots() : context_.table.plan();
    }
    bool recording() const { return context_.recorder != nullptr && context_.recorder->active(); }
    // The client, a recording, a breakpoint without another mechanism or the search for xchg %bx,%bx wants every
    // instruction.
    bool stepping() const {
        return !continues() || recording() || plan().needs_stepping() || context_.guest_stops.exchange;
    }
    bool must_step() const { return stepping() || step_off_.active(); }
    // CPL 3 on a host whose KVM does not step there.
    bool blind_here() const { return !context_.abilities.step_user && at_.in_user_mode(); }
    bool done(Result<void> result);

    // Arming (vcpu_arming.cpp).
    void arm();
    void classify();
    bool step_over_halt();
    bool blocks_interrupts() const;
    void add_single_step(SlotSetup& setup);
    void add_user_handlers(SlotSetup& setup);
    void look_at_guest_slots();
    bool settle_waiting_breakpoints();

    // What a recording is told.
    bool record_step();
    bool record_look();

    // Debug exits.
    void on_int3();
    void on_planted(Breakpoint& breakpoint);
    void on_slots(unsigned hits, bool stepped);
    void on_step();
    void on_debug_register_access();
    bool finish_step();
    void next_step();
    bool ends_here();
    void step_off(Breakpoint& breakpoint, bool stepped);
    void pass_over();

    // Debug exceptions of user code that KVM does not report (vcpu_user_code.cpp).
    void on_user_debug();
    void on_user_int3(bool has_error_code);
    bool return_to_user_code();

    // Exits that are breakpoints (vcpu_exit_trap.cpp).
    bool hit_exit_trap();
    void settle_unpaged_breakpoints();
    Breakpoint* planted_at(const ExitAt& exit) const;
    x86::InterruptShadow interrupt_shadow_here() const;

    // Stops (vcpu_stops.cpp).
    void hit(Breakpoint& breakpoint, bool stepped);
    bool is_meant_here(const Breakpoint& breakpoint) const;
    bool wants_stop(const Breakpoint& breakpoint);
    bool stops_here() { return stop_at_stepped_breakpoint() || stop_at_exchange(); }
    bool stop_at_stepped_breakpoint();
    // vcpu_guest_stops.cpp
    bool stop_at_exchange();
    void stop_behind(unsigned length, const char* instruction);
    bool leave_known_breakpoint();
    void report_breakpoint(gdbstub::BreakpointKind kind);
    void report(gdbstub::StopReason reason, std::string console = {});
    void fail(const Error& error);
    bool complete_instruction();
    bool was_reset() const;

    machine::VcpuThread& thread_;
    DebugContext& context_;
    gdbstub::ResumeAction action_ = gdbstub::Continue{};
    VcpuPhase phase_;
    std::optional<std::string> death_;  // how the recorded run has ended

    ExitRegisters at_;
    ArmedSetup armed_;
    GuestDebugRegisters own_;
    GuestTraps traps_;
    StepEngine step_;
    StepOff step_off_;
    UserTrapFlag user_trap_flag_;
    std::unique_ptr<ExitTrap> exit_trap_;
    ConditionScope conditions_;
    InstructionCompletion completion_;
    bool completed_any_ = false;
    std::optional<Gva> shown_at_;  // where RIP counts from a segment: PC of the last stop that was reported
};

}  // namespace ringside::debug
