// What follows from a step, and where a vCPU stops.

#include <fmt/format.h>

#include "vmm/debug/run_control/settle.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

// An instruction has been stepped: by KVM, or up to the slot at its target.
void VcpuDebugger::on_step() {
    const bool single_stepped = armed_.single_steps();
    const bool was_off = step_off_.active();
    const auto& watchpoints = plan().stepped_watchpoints;
    Breakpoint* touched = nullptr;
    stops_.forget_place();
    if (!watchpoints.empty())
        touched = step_.triggered_watchpoint(watchpoints);
    if (!finish_step() || !done(recording_.after_step()))
        return;
    const bool turn_ends = recording_.ends_turn();
    if (touched != nullptr)
        return hit(*touched, single_stepped);
    if (ends_here())
        return;
    stops_.note_passed();
    if (turn_ends)
        return;
    if (stepping() && !was_off)
        next_step();
    else
        arm();
}

// Corrects what a step leaves behind. Returns false if KVM refused.
bool VcpuDebugger::finish_step() {
    step_off_.end();
    const bool owed = step_.finish(armed_.single_steps());
    stops_.traced().after_step();
    if (!owed || traps_.debug_exception_pending())
        return true;
    return done(traps_.give_debug_exception(x86::Dr6::kSingleStep, step_.guest_trap_flag()));
}

// Continues stepping. While one ordinary instruction follows another, TF stays set, and KVM need not be called again:
// unless KVM has emulated one, which on most hosts loses TF and cannot be detected here. There KVM is called after each
// instruction that may access memory.
void VcpuDebugger::next_step() {
    if (step_.is_time_to_look() && settle_waiting(context_, thread_.index(), at_, plan()))
        return arm();
    if (context_.handlers.wants_steps(thread_.index()) &&
        context_.handlers.update(context_, thread_.index(), at_))
        return arm();
    const bool tf_stays = (context_.abilities.step_survives_emulation || step_.used_only_registers()) &&
                          !thread_.finished_an_access() && step_.was_ordinary() && armed_.single_steps() &&
                          blocks_interrupts() == armed_.setup().blocks_interrupts() &&
                          !user_.unstepped_here();
    if (tf_stays) {
        classify();
        if (step_.kind() == x86::StepKind::Ordinary)
            return step_.note_entry();
    }
    arm();
}

// Returns true if the step that has led here must be reported to the client, and reports it.
bool VcpuDebugger::ends_here() {
    if (action_.ends_at(at_.general.rip)) {
        report_.report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, true});
        return true;
    }
    return stop(stops_.after_step(plan()));
}

// Returns true if there is a stop, and reports it.
bool VcpuDebugger::stop(std::optional<VcpuStops::Stop> stop) {
    if (!stop)
        return false;
    if (stop->exchange != 0)
        stop_behind(stop->exchange, "xchg %bx,%bx");
    else if (stop->breakpoint != nullptr)
        report_.report_hit(*stop->breakpoint, std::move(stop->words));
    else
        report_.report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, std::move(stop->words));
    return true;
}

void VcpuDebugger::hit(Breakpoint& breakpoint, bool stepped) {
    auto found = stops_.at_hit(breakpoint);
    if (!found)
        go_on(breakpoint, stepped);
    else if (done(traps_.note_delivered(breakpoint)))
        stop(std::move(found));
}

void VcpuDebugger::go_on(Breakpoint& breakpoint, bool stepped) {
    if (!stepped && passes(breakpoint))
        return;
    if (done(traps_.note_delivered(breakpoint)))
        step_off(breakpoint, stepped);
}

// Returns true if the instruction under a breakpoint was done without a step. What is armed stays as it is.
bool VcpuDebugger::passes(const Breakpoint& breakpoint) {
    if (breakpoint.is_watchpoint() || must_step() || armed_.single_steps() || user_.trap_flag_set() ||
        traps_.debug_exception_pending())
        return false;
    thread_.vcpu().sync_at_exits(wanted_at_exits());
    const auto passed = pass_.pass(plan().watches_data());
    if (!passed) {
        fail(passed.error());
        return true;
    }
    if (*passed)
        stops_.traced().after_step();
    return *passed;
}

// Continues past a breakpoint that does not stop here. `stepped`: a step has ended at the same exit. A watchpoint has
// already executed its instruction.
void VcpuDebugger::step_off(Breakpoint& breakpoint, bool stepped) {
    if (breakpoint.is_watchpoint()) {
        if (!stepped || !ends_here())
            arm();
        return;
    }
    classify();
    if (!traps_.debug_exception_pending() && step_.at_halt()) {
        if (!done(step_.step_over_halt()))
            return;
        stops_.traced().after_step();
        return arm();
    }
    if (step_off_.begin(breakpoint))
        arm();
}

// Steps over an instruction with an unwanted slot: a handler that was entered for the guest's own reasons, a MOV to a
// debug register.
void VcpuDebugger::pass_over() {
    step_off_.begin();
    arm();
}

// The guest has asked to stop. The vCPU stops after the instruction, which does nothing else.
void VcpuDebugger::stop_behind(unsigned length, const char* instruction) {
    step_off_.end();
    const Gva pc = at_.pc();
    at_.general.rip += length;
    if (!done(at_.store_general()))
        return;
    recording_.irregular();
    if (done(recording_.look()))
        report_.report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false},
                       fmt::format("The guest has asked to stop ({} at {:#x}).\n", instruction, pc.value));
}

}  // namespace ringside::debug
