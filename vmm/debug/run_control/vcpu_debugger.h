// The debugger's half of one vCPU's exit loop: arms the vCPU before it runs, and decides at each debug exit
// whether the client must hear of it. Steps, range steps, conditions and fallback watchpoints all run here,
// next to the guest.
//
// Threading: set_action() and the accessors are for the server's thread while the vCPU is parked; all else
// runs on the vCPU's own thread.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "arch/x86_64/debug_registers.h"
#include "arch/x86_64/step_class.h"
#include "gdbstub/target.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/breakpoints/slot_setup.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/run_control/condition_scope.h"
#include "vmm/debug/run_control/instruction_completion.h"
#include "vmm/debug/run_control/interrupted_step.h"
#include "vmm/debug/run_control/stop_coordinator.h"
#include "vmm/debug/run_control/watch_by_stepping.h"

namespace ringside::debug {

// What all vCPUs share.
struct DebugContext {
    BreakpointTable& table;
    const GuestView& view;
    StopCoordinator& coordinator;
    HostAbilities abilities;
    const x86::RegisterFile& registers;  // what conditions name registers by
    // Told of an exit after which the vCPU cannot go on; called on the vCPU's thread, before the stop is
    // reported.
    std::function<void(VcpuIndex, machine::FatalExit, const std::string& report)> on_fatal;
    // Told, on the vCPU's thread, that the guest's own debug slots and the debugger's are more than there
    // are.
    std::function<void(VcpuIndex)> on_slots_short;
    // Told, on the vCPU's thread, the first time that an instruction was done in KVM's stead.
    std::function<void(VcpuIndex)> on_completed;
    // Shows the client's user what a breakpoint's commands print; called on the vCPU's thread.
    std::function<void(std::string)> print;
    // A client's step keeps interrupts waiting, where the host can do that.
    bool hold_interrupts = true;
};

class VcpuDebugger {
  public:
    VcpuDebugger(machine::VcpuThread& thread, DebugContext& context)
        : thread_(thread), context_(context), conditions_(context.registers, context.view) {}

    void set_action(const gdbstub::ResumeAction& action) { action_ = action; }
    // Whether it runs on when resumed, rather than step.
    bool continues() const { return std::holds_alternative<gdbstub::Continue>(action_); }
    // Why this vCPU can never run again, if so.
    const std::optional<std::string>& fatal() const { return fatal_; }

    // The registers at the stop that this vCPU has reported, which need not be fetched again; nullptr if it
    // was stopped for another reason.
    const x86::GeneralRegisters* stop_general() const { return reported_ ? &general_ : nullptr; }
    const x86::SystemRegisters* stop_system() const { return reported_ ? &system_ : nullptr; }

    // machine::VcpuObserver, for this vCPU. `known` is its state if no fetching is needed.
    void before_entry(const x86::CpuState* known);
    void on_debug_exit();
    void on_fatal_exit(machine::FatalExit cause);
    void on_parked();

  private:
    const DebugPlan& plan() const {
        return slots_short_ ? context_.table.plan_without_slots() : context_.table.plan();
    }
    bool stepping() const {
        return !std::holds_alternative<gdbstub::Continue>(action_) || plan().needs_stepping();
    }
    // CPL 3 on a host whose KVM does not step there.
    bool blind_here() const {
        return !context_.abilities.step_user && x86::privilege_level(general_, system_) == 3;
    }
    Gva linear_pc() const { return x86::linear_pc(general_, system_); }
    bool refresh();
    bool write_back();

    // Arming (vcpu_arming.cpp).
    void arm();
    void next_step();
    void classify();
    bool holds_interrupts() const;
    void add_single_step(SlotSetup& setup);
    void add_user_handlers(SlotSetup& setup);
    std::optional<Gva> step_target() const;
    bool spare_the_stepping();
    bool at_halt() const;
    void do_halt();
    void program(const SlotSetup& setup, bool force);
    void lend_trap_flag();
    void take_trap_flag_back();

    // Debug exits.
    void on_int3();
    void on_slots(unsigned hits);
    bool is_echo(x86::Dr6 dr6);
    void on_step();
    bool ends_here();
    void on_user_debug();
    void on_user_int3(bool has_error_code);
    void hide_trap_flag();
    void note_step_origin();
    void leave_step_unfinished();
    bool stop_at_stepped_breakpoint();

    // The guest's own debugging (vcpu_own_debugging.cpp).
    std::optional<x86::DebugRegisters> own_registers();  // nothing if KVM refused, which is a failure
    void look_at_own_slots();
    void share_slots(SlotSetup& setup);
    void forget_own_slots(const SlotSetup& armed);
    void on_debug_register_access();
    unsigned own_hits(x86::Dr6 dr6, x86::Dr7 dr7) const;
    bool give_back_own_hits(unsigned hits);
    bool give_back_own_step();
    bool inject_debug_exception(std::uint64_t dr6);
    void go_on_with_pending_trap();
    bool debug_exception_is_pending() const;
    void give_back_breakpoint();

    // One step without what stands in its way: a breakpoint whose condition was false, a handler that was
    // entered for the guest's own reasons.
    void step_off(Breakpoint& breakpoint);
    void pass_over();
    void begin_step_off(std::optional<Gpa> lifted);
    void arm_step_off();
    void end_step_off();

    // Where RIP is no linear address (vcpu_segments.cpp).
    bool counts_from_segment() const;
    Breakpoint* execution_breakpoint_here();
    bool leave_known_breakpoint();
    void report_breakpoint(gdbstub::BreakpointKind kind);

    void hit(Breakpoint& breakpoint);
    bool is_meant_here(const Breakpoint& breakpoint) const;
    bool wants_stop(const Breakpoint& breakpoint);
    void report(gdbstub::StopReason reason, std::string console = {});
    void fail(const Error& error);
    bool complete_instruction();

    static constexpr std::uint64_t kRangePatience = 100'000;  // steps: about a second
    static constexpr unsigned kStepsBetweenLooks = 64;        // at page tables; a few ms

    machine::VcpuThread& thread_;
    DebugContext& context_;

    gdbstub::ResumeAction action_ = gdbstub::Continue{};
    std::optional<std::string> fatal_;

    // The registers at the last debug exit.
    x86::GeneralRegisters general_;
    x86::SystemRegisters system_;

    bool reported_ = false;  // and they are those of a stop that this vCPU has reported

    std::optional<Gva> shown_at_;  // where RIP counts from a segment: PC of the last stop that was reported

    SlotSetup armed_;                          // what KVM_SET_GUEST_DEBUG was last given
    x86::StepClass step_;                      // of the instruction being stepped
    std::uint64_t step_start_ = 0;             // its RIP
    StepOrigin step_origin_;                   // of the last entry with a single step
    std::optional<std::uint64_t> stepped_to_;  // RIP behind the last step, up to the next debug exit
    bool step_may_stay_ = true;                // it may leave RIP where it was
    std::uint64_t range_steps_ = 0;            // of the range step that is under way
    unsigned steps_until_look_ = kStepsBetweenLooks;
    bool trap_flag_lent_ = false;             // TF is set in the user code's own RFLAGS
    std::optional<x86::DebugRegisters> own_;  // the guest's, as long as they are known not to have changed
    bool slots_short_ = false;                // for the guest's slots and the debugger's together
    bool own_trap_pending_ = false;           // the guest's own #DB is to be delivered at the next entry
    WatchByStepping watch_;
    ConditionScope conditions_;
    InstructionCompletion completion_;
    bool told_of_completion_ = false;
    struct StepOff {
        std::optional<Gpa> lifted;  // an int3 that is out of memory meanwhile
    };
    std::optional<StepOff> step_off_;
};

}  // namespace ringside::debug
