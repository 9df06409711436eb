// How a vCPU is armed before it runs: slots, planted instructions, and the three ways of a single step.

#include "vmm/debug/host/inner_exits.h"
#include "vmm/debug/run_control/settle.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

// In the middle of an instruction, or while a breakpoint is out of memory, this does nothing: the next exit will do.
void VcpuDebugger::look_at_handlers() {
    if (context_.handlers.empty() || must_step() || report_.made() || !done(at_.fetch()))
        return;
    if (context_.handlers.update(context_, thread_.index(), at_))
        arm();
}

void VcpuDebugger::arm() {
    if (!step_off_.active())
        context_.handlers.update(context_, thread_.index(), at_);
    settle_unpaged(context_, thread_.index(), at_, plan());
    if (!done(exits_.arm(plan().exit_traps)))
        return;
    // No debug exit reports that a step of L2's has led to L1.
    if (!done(watch_inner_exits(must_step() && at_.system.inner.running)))
        return;
    traps_.look();
    look_at_guest_slots();
    const bool steps = must_step();
    thread_.vcpu().sync_at_exits(wanted_at_exits());
    SlotSetup setup = SlotSetup::from(plan());
    if (context_.guest_stops.int3)
        setup.report_int3s();
    user_.add_handlers(setup, plan().user_int3s, steps);
    if (steps) {
        classify();
        if (!traps_.debug_exception_pending() && !step_off_.active() && step_.must_halt()) {
            if (!done(step_.step_over_halt()))
                return;
            stops_.traced().after_step();
            if (!done(recording_.after_step()))
                return;
            const bool turn_ends = recording_.ends_turn();
            if (ends_here())
                return;
            stops_.note_passed();
            if (turn_ends)
                return;
            classify();
        }
        if (step_off_.active())
            setup.leave_out_execution_at(at_.pc());
        if (blocks_interrupts())
            setup.block_interrupts();
        if (!done(step_.arm(setup, user_, traps_.debug_exception_pending())))
            return;
    } else if (step_.may_echo()) {
        setup.report_traps();
    }
    if (!done(own_.share(setup, !step_off_.active())))
        return;
    // The guest's own TF has to survive the end of the last single-step.
    if (!setup.single_steps() && step_.guest_trap_flag() && !done(traps_.end_single_step(true)))
        return;
    if (!done(armed_.program(setup, steps)))
        return;
    if (armed_.single_steps())
        step_.note_entry();
    own_.note_armed(setup);
}

void VcpuDebugger::classify() {
    step_.classify(armed_.single_steps() || user_.trap_flag_set(), plan().stepped_watchpoints);
    const auto unheld =
        context_.abilities.step_blocks_interrupts ? history::Interrupts::LetIn : history::Interrupts::Unheld;
    recording_.before_step(blocks_interrupts() ? history::Interrupts::Held : unheld);
}

void VcpuDebugger::look_at_guest_slots() {
    const auto ran_short = own_.look(context_.table.plan());
    if (!ran_short)
        return fail(ran_short.error());
    if (*ran_short)
        context_.events.on_slots_short(thread_.index());
}

// A client's step stays in the code that it steps. Stepping in place of a watchpoint lets the guest take its
// interrupts, and a recording does so from time to time.
bool VcpuDebugger::blocks_interrupts() const {
    const bool client_steps = !continues() && context_.block_interrupts;
    return (client_steps || recording_.blocks_interrupts() || step_off_.active()) &&
           !action_.lets_interrupts_in() && context_.abilities.step_blocks_interrupts;
}

}  // namespace ringside::debug
