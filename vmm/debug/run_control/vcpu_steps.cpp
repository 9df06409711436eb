// What follows from a step, and where a vCPU stops.

#include <fmt/format.h>

#include "vmm/debug/run_control/settle.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

// An instruction has been stepped: by KVM, or up to the slot at its target.
void VcpuDebugger::on_step() {
    const bool single_stepped = arming_.single_steps();
    const bool was_off = step_off_.active();
    const bool let_pass = step_off_.writes();
    const auto& watchpoints = needs_.plan().stepped_watchpoints;
    stops_.forget_place();
    const auto touched = step_.touched(watchpoints);
    if (!finish_step() || !done(recording_.after_step()))
        return;
    const bool wrote_near = guarded_.trying() && step_.wrote_near(watchpoints);
    const auto guarded = guarded_.after_step(let_pass, wrote_near);
    if (!guarded)
        return fail(guarded.error());
    const bool turn_ends = recording_.ends_turn();
    if (!touched.empty())
        return hit(*touched.front().watchpoint, single_stepped, touched);
    if (ends_here())
        return;
    stops_.note_passed();
    if (turn_ends)
        return;
    if (needs_.stepping() && !was_off && *guarded != GuardedRun::Next::Arm)
        next_step();
    else
        arm();
}

// KVM could not emulate an instruction, and it is done now. The same follows as after any other: the end of a step, or the
// guest's own trap.
void VcpuDebugger::on_completed() {
    if (arming_.single_steps())
        on_step();
    else if (at_.trap_flag() && done(arming_.traps().give_debug_exception(x86::Dr6::kSingleStep, true)) &&
             needs_.must_step())
        arm();
}

// Corrects what a step leaves behind. Returns false if KVM refused.
bool VcpuDebugger::finish_step() {
    step_off_.end();
    const bool owed = step_.finish(arming_.single_steps());
    stops_.traced().after_step();
    if (!owed || arming_.traps().debug_exception_pending())
        return true;
    return done(arming_.traps().give_debug_exception(x86::Dr6::kSingleStep, step_.guest_trap_flag()));
}

void VcpuDebugger::next_step() {
    if (step_.is_time_to_look() && settle_waiting(context_, thread_.index(), at_, needs_.plan()))
        return arm();
    if (context_.handlers.wants_steps(thread_.index()) &&
        context_.handlers.update(context_, thread_.index(), at_))
        return arm();
    if (thread_.finished_an_access() || !arming_.stays_armed())
        arm();
}

// Returns true if the step that has led here must be reported to the client, and reports it.
bool VcpuDebugger::ends_here() {
    if (needs_.action().ends_at(at_.general.rip)) {
        report_.report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, true});
        return true;
    }
    return stop(stops_.after_step(needs_.plan()));
}

// Returns true if there is a stop, and reports it.
bool VcpuDebugger::stop(std::optional<VcpuStops::Stop> stop) {
    if (!stop)
        return false;
    if (stop->exchange != 0)
        stop_behind(stop->exchange, "xchg %bx,%bx");
    else if (stop->breakpoint != nullptr)
        report_.report_hit(*stop->breakpoint, std::move(stop->words), client_would_go_on());
    else
        report_.report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, std::move(stop->words));
    return true;
}

void VcpuDebugger::hit(Breakpoint& breakpoint, bool stepped, std::span<const TouchedWatchpoint> touched) {
    auto found = stops_.at_hit(breakpoint, touched);
    if (!found)
        pass(breakpoint, stepped);
    else if (done(arming_.traps().note_delivered(breakpoint)))
        stop(std::move(found));
}

// If another vCPU steps off something at this moment, the breakpoint is hit again, and was evaluated already.
void VcpuDebugger::pass(const Breakpoint& breakpoint, bool stepped) {
    const auto next = pass_.after_hit(breakpoint, stepped);
    if (next && *next != BreakpointPass::Next::Nothing && !step_off_.active())
        stops_.forget_place();
    go_on(next);
}

void VcpuDebugger::go_on(Result<BreakpointPass::Next> next) {
    if (!next)
        return fail(next.error());
    if (*next == BreakpointPass::Next::Arm || (*next == BreakpointPass::Next::AfterStep && !ends_here()))
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
