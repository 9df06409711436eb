#include "vmm/debug/run_control/breakpoint_pass.h"

namespace ringside::debug {

Result<BreakpointPass::Next> BreakpointPass::after_hit(const Breakpoint& breakpoint, bool stepped) {
    if (!stepped && TRY(in_software(breakpoint)))
        return Next::Passed;
    TRY(arming_.traps().note_delivered(breakpoint));
    return step_off(breakpoint, stepped);
}

// Returns true if the instruction under the breakpoint is done.
Result<bool> BreakpointPass::in_software(const Breakpoint& breakpoint) {
    if (breakpoint.is_watchpoint() || needs_.must_step() || arming_.single_steps() ||
        arming_.user().trap_flag_set() || arming_.traps().debug_exception_pending())
        return false;
    vcpu_.sync_at_exits(needs_.at_exit());
    const bool passed = TRY(plain_.pass(needs_.plan().watches_data()));
    if (passed)
        traced_.after_step();
    return passed;
}

Result<BreakpointPass::Next> BreakpointPass::step_off(const Breakpoint& breakpoint, bool stepped) {
    if (breakpoint.is_watchpoint())
        return stepped ? Next::AfterStep : Next::Arm;
    arming_.examine();
    if (!arming_.traps().debug_exception_pending() && step_.at_halt()) {
        TRY(step_.step_over_halt());
        traced_.after_step();
        return Next::Arm;
    }
    return step_off_.begin(to_lift(breakpoint)) ? Next::Arm : Next::Nothing;
}

// Of several breakpoints at a place, the planted one is in the way of a step.
const Breakpoint& BreakpointPass::to_lift(const Breakpoint& breakpoint) const {
    const Breakpoint* planted = step_off_.planted_at(view_, at_.system, at_.pc());
    return planted != nullptr ? *planted : breakpoint;
}

BreakpointPass::Next BreakpointPass::pass_over_slot() {
    step_off_.begin();
    return Next::Arm;
}

}  // namespace ringside::debug
