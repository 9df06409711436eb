#include "vmm/debug/run_control/vcpu_debugger.h"

#include "arch/x86_64/reset_state.h"
#include "arch/x86_64/trap_instructions.h"
#include "vmm/debug/run_control/fatal_report.h"

namespace ringside::debug {

VcpuDebugger::VcpuDebugger(machine::VcpuThread& thread, DebugContext& context)
    : thread_(thread),
      context_(context),
      at_(thread.vcpu()),
      report_(thread.index(), context.coordinator, at_),
      stops_(thread.vcpu(), context, at_),
      recording_(thread.index(), context, at_),
      armed_(thread.vcpu()),
      own_(thread.vcpu(), context.abilities),
      traps_(thread.vcpu(), at_, armed_, own_),
      pass_(at_, thread.vcpu(), context.view),
      step_(thread.vcpu(), at_, context.view, context.abilities),
      step_off_(thread.index(), context.table, context.coordinator),
      user_(at_, context.view, context.abilities, step_off_),
      exits_(thread.vcpu(), at_, context.view, step_off_, context.new_exit_trap()) {}

// KVM has refused a request of the debugger: the vCPU stops, and the client gets the reason.
bool VcpuDebugger::done(Result<void> result) {
    if (!result)
        fail(result.error());
    return result.has_value();
}

void VcpuDebugger::fail(const Error& error) {
    step_off_.end();
    report_.report_failure(error);
}

void VcpuDebugger::before_entry(const x86::CpuState* known) {
    if (!report_.clear())
        return;
    own_.forget();
    // If nothing was armed and nothing has to be, a resume costs no ioctl.
    if (!stepping() && !armed_.anything() && !exits_.armed() && context_.table.empty() &&
        !context_.guest_stops.int3 && context_.handlers.empty())
        return;
    thread_.vcpu().sync_at_exits(kvm::SyncedState::General);
    if (known != nullptr) {
        at_.general = known->general;
        at_.system = known->system;
    } else if (!done(at_.fetch())) {
        return;
    }
    if (!done(recording_.look()) || !done(recording_.begin_turn()))
        return;
    look_at_guest_slots();
    stops_.begin();
    if (Breakpoint* shown = report_.shown(context_.table, context_.view)) {
        // If another vCPU is stepping off something at this moment, this one is parked first, and comes here again.
        step_off(*shown, false);
        if (step_off_.active())
            report_.forget_shown();
        return;
    }
    if (stepping() && stop(stops_.before_step(plan())))
        return;
    stops_.note_passed();
    arm();
}

void VcpuDebugger::on_dirty_ring_full() {
    if (recording_.active() && done(at_.fetch()))
        done(recording_.make_room());
}

// A stop may come before a step is done. A breakpoint that was stepped off is planted again, to be hit again later. TF
// that was set in user code is cleared if it is still in RFLAGS.
void VcpuDebugger::on_parked() {
    const bool mid_step = armed_.single_steps() && !report_.made();
    if (mid_step)
        recording_.irregular();
    if (!step_off_.active() && !user_.trap_flag_set() && !mid_step)
        return;
    thread_.vcpu().sync_at_exits(kvm::SyncedState::General);
    if (!done(at_.fetch()))
        return;
    if (armed_.single_steps())
        step_.leave_unfinished();
    step_off_.end();
    if (done(user_.take_trap_flag()) && mid_step)
        done(recording_.look());
}

void VcpuDebugger::on_fatal_exit(machine::FatalExit cause) {
    if (!done(at_.fetch()))
        return;
    if (cause == machine::FatalExit::EmulationFailure) {
        const auto page = context_.view.translate(at_.system, at_.pc());
        const auto byte = page ? context_.view.memory().span(page->gpa, 1) : std::span<std::byte>{};
        if (!byte.empty() && byte[0] == x86::opcode(x86::TrapInstruction::Int3))
            return on_int3();
        if (complete_instruction())
            return;
    }
    step_off_.end();
    // KVM gives a vCPU that has shut down on SVM the state of one that was reset.
    if (recording_.active() && x86::at_reset_vector(at_.general, at_.system) &&
        (!done(recording_.recall()) || !done(at_.fetch())))
        return;
    const auto why = fatal_report(thread_, cause, context_.view, at_.general, at_.system);
    recording_.irregular();
    if (!done(recording_.look()))
        return;
    context_.events.on_dead(thread_.index(), cause, why);
    const auto signal =
        cause == machine::FatalExit::EmulationFailure ? gdbstub::Signal::Ill : gdbstub::Signal::Segv;
    report_.report_death(signal, why);
}

// Executes what KVM could not. Afterwards the same happens as after any instruction: the end of a step, or the guest's
// own trap.
bool VcpuDebugger::complete_instruction() {
    const auto after = completion_.complete(thread_.vcpu(), context_.view, at_.general, at_.system);
    if (!after)
        return false;
    if (completion_.count() == 1)
        context_.events.on_completed(thread_.index());
    at_.general = *after;
    if (!done(at_.store_general()))
        return true;
    if (armed_.single_steps())
        on_step();
    else if (at_.trap_flag() && done(traps_.give_debug_exception(x86::Dr6::kSingleStep, true)) && must_step())
        arm();
    return true;
}

}  // namespace ringside::debug
