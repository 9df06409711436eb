#include "vmm/debug/run_control/entry_arming.h"

#include "vmm/debug/host/inner_exits.h"
#include "vmm/debug/run_control/settle.h"

namespace ringside::debug {

EntryArming::EntryArming(kvm::VcpuPort& vcpu, DebugContext& context, ExitRegisters& at,
                         const EntryNeeds& needs, StepEngine& step, const StepOff& step_off,
                         RecordedRun& recording)
    : vcpu_(vcpu),
      context_(context),
      at_(at),
      needs_(needs),
      step_(step),
      step_off_(step_off),
      recording_(recording),
      armed_(vcpu),
      own_(vcpu, context.abilities),
      traps_(vcpu, at, armed_, own_),
      user_(at, context.view, context.abilities, step_off),
      exits_(vcpu, at, context.view, step_off, context.new_exit_trap()) {}

Result<void> EntryArming::prepare() {
    if (!step_off_.active())
        context_.handlers.update(context_, vcpu_.index(), at_);
    settle_unpaged(context_, vcpu_.index(), at_, needs_.plan());
    TRY(exits_.arm(needs_.plan().exit_traps));
    // No debug exit reports that a step of L2's has led to L1.
    TRY(watch_inner_exits(needs_.must_step() && at_.system.inner.running));
    traps_.look();
    TRY(look_at_guest_slots());
    vcpu_.sync_at_exits(needs_.at_exit());
    if (needs_.must_step())
        examine();
    return {};
}

bool EntryArming::at_halt_to_step() const {
    return !traps_.debug_exception_pending() && !step_off_.active() && step_.must_halt();
}

SlotSetup EntryArming::wanted(bool steps) const {
    SlotSetup setup = SlotSetup::from(needs_.plan());
    if (context_.guest_stops.int3)
        setup.report_int3s();
    user_.add_handlers(setup, needs_.plan().user_int3s, steps);
    return setup;
}

Result<void> EntryArming::program(bool steps) {
    SlotSetup setup = wanted(steps);
    if (steps) {
        if (step_off_.active())
            setup.leave_out_execution_at(at_.pc());
        if (needs_.blocks_interrupts())
            setup.block_interrupts();
        TRY(step_.arm(setup, user_, traps_.debug_exception_pending()));
    } else if (step_.may_echo()) {
        setup.report_traps();
    }
    TRY(own_.share(setup, !step_off_.active()));
    // The guest's own TF has to survive the end of the last single-step.
    if (!setup.single_steps() && step_.guest_trap_flag())
        TRY(traps_.end_single_step(true));
    TRY(armed_.program(setup, steps));
    if (armed_.single_steps())
        step_.note_entry();
    own_.note_armed(setup);
    return {};
}

// While one ordinary instruction follows another, TF stays set, and KVM need not be called again: unless KVM has emulated
// one, which on most hosts loses TF and cannot be detected here. There KVM is called after each instruction that may access
// memory.
bool EntryArming::stays_armed() {
    const bool tf_stays = (context_.abilities.step_survives_emulation || step_.used_only_registers()) &&
                          step_.was_ordinary() && armed_.single_steps() &&
                          needs_.blocks_interrupts() == armed_.setup().blocks_interrupts() &&
                          !user_.unstepped_here();
    if (!tf_stays)
        return false;
    examine();
    if (step_.kind() != x86::StepKind::Ordinary)
        return false;
    step_.note_entry();
    return true;
}

void EntryArming::examine() {
    step_.classify(armed_.single_steps() || user_.trap_flag_set(), needs_.plan().stepped_watchpoints);
    const auto unheld =
        context_.abilities.step_blocks_interrupts ? history::Interrupts::LetIn : history::Interrupts::Unheld;
    recording_.before_step(needs_.blocks_interrupts() ? history::Interrupts::Held : unheld);
}

Result<void> EntryArming::look_at_guest_slots() {
    if (TRY(own_.look(context_.table.plan())))
        context_.events.on_slots_short(vcpu_.index());
    return {};
}

}  // namespace ringside::debug
