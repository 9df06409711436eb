// How a vCPU is armed before it runs: slots, planted instructions, and the three ways of a single step.

#include <algorithm>

#include "arch/x86_64/exceptions.h"
#include "vmm/debug/guest/guest_tables.h"
#include "vmm/debug/run_control/vcpu_debugger.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

void VcpuDebugger::arm() {
    settle_unpaged_breakpoints();
    if (!done(exit_trap_->arm(plan().exit_traps)))
        return;
    traps_.look();
    look_at_guest_slots();
    const bool steps = must_step();
    thread_.vcpu().sync_system_registers(steps);
    SlotSetup setup = SlotSetup::from(plan());
    if (context_.guest_stops.int3)
        setup.report_int3s();
    if (!context_.abilities.step_user)
        add_user_handlers(setup);
    if (steps) {
        classify();
        if (!traps_.debug_exception_pending() && step_.at_halt() && !step_off_.active()) {
            if (!step_over_halt() || !record_step() || ends_here())
                return;
            classify();
        }
        if (step_off_.active())
            setup.leave_out_execution_at(at_.pc());
        add_single_step(setup);
    }
    if (!done(own_.share(setup, !step_off_.active())))
        return;
    // A TF of the guest's own has to survive the end of the last single-step.
    if (!setup.single_steps() && step_.guest_trap_flag() && !done(traps_.end_single_step(true)))
        return;
    if (!done(armed_.program(setup, steps)))
        return;
    if (armed_.single_steps())
        step_.note_entry();
    own_.note_armed(setup);
}

void VcpuDebugger::classify() {
    step_.classify(armed_.single_steps() || user_trap_flag_.is_set(), plan().stepped_watchpoints);
    if (!recording())
        return;
    const auto unheld =
        context_.abilities.step_blocks_interrupts ? history::Interrupts::LetIn : history::Interrupts::Unheld;
    context_.recorder->before_step(at_.general, at_.system,
                                   blocks_interrupts() ? history::Interrupts::Held : unheld);
}

// HLT is stepped by doing what it does: the vCPU is behind it, and halted until an interrupt comes. (A KVM that
// emulates it under a single-step leaves before it halts, and does so at some later instruction.) Returns false if KVM
// refused.
bool VcpuDebugger::step_over_halt() {
    at_.general.rip += step_.length();
    return done(at_.store_general()) && done(kvm::halt(thread_.vcpu()));
}

void VcpuDebugger::look_at_guest_slots() {
    const auto ran_short = own_.look(context_.table.plan());
    if (!ran_short)
        return fail(ran_short.error());
    if (*ran_short)
        context_.events.on_slots_short(thread_.index());
}

// More breakpoints than there are slots, on code that no page table leads to yet, cost a step for each instruction. (A
// kernel whose functions have breakpoints from its first instruction on is such a case.) That ends here, as soon as the
// guest has made the page tables. One whose condition was false at this instruction would be met a second time, so it
// comes later. Returns true if the plan has changed.
bool VcpuDebugger::settle_waiting_breakpoints() {
    const auto here = [this](const Breakpoint* b) { return b->request.address == at_.pc().value; };
    if (std::ranges::any_of(plan().stepped_breakpoints, here) ||
        !context_.table.can_settle(context_.view, at_.system) ||
        !context_.coordinator.park_others(thread_.index()))
        return false;
    context_.table.settle(context_.view, at_.system);
    context_.coordinator.resume_others(thread_.index());
    return true;
}

// A client's step stays in the code that it steps. Stepping in place of a watchpoint lets the guest have its
// interrupts, and a recording does so now and then.
bool VcpuDebugger::blocks_interrupts() const {
    const bool client_steps = !continues() && context_.block_interrupts;
    const bool recorder_blocks = recording() && !context_.recorder->lets_interrupts_in();
    return (client_steps || recorder_blocks || step_off_.active()) && !step_.lets_interrupts_in() &&
           context_.abilities.step_blocks_interrupts;
}

void VcpuDebugger::add_single_step(SlotSetup& setup) {
    if (blocks_interrupts())
        setup.block_interrupts();
    std::optional<Gva> target;
    const auto debug_gate = [this] {
        return interrupt_gate(context_.view, at_.general, at_.system, number(x86::ExceptionVector::Debug));
    };
    if (!traps_.debug_exception_pending())
        target = step_.target(thread_.vcpu());
    else if (const auto gate = debug_gate(); gate && context_.abilities.execute_slots)
        target = gate->handler;
    if (target) {
        setup.add(SlotUse::StepTarget, *target);
    } else if (blind_here()) {
        if (const auto gate = debug_gate(); gate && done(user_trap_flag_.set(at_)))
            setup.add(SlotUse::DebugHandler, gate->handler);
    } else {
        setup.single_step();
    }
}

}  // namespace ringside::debug
