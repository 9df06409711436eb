#include "vmm/debug/run_control/vcpu_debugger.h"

#include <utility>

#include "arch/x86_64/trap_instructions.h"
#include "vmm/debug/breakpoints/guest_slots.h"
#include "vmm/debug/run_control/fatal_report.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

VcpuDebugger::VcpuDebugger(machine::VcpuThread& thread, DebugContext& context)
    : thread_(thread),
      context_(context),
      at_(thread.vcpu()),
      armed_(thread.vcpu()),
      own_(thread.vcpu(), context.abilities),
      traps_(thread.vcpu(), at_, armed_),
      step_(at_, context.view, context.abilities),
      step_off_(thread.index(), context.table, context.coordinator),
      exit_trap_(context.new_exit_trap()),
      conditions_(context.registers, context.view) {}

// KVM refused what the debugger needs of it: the vCPU stops, and the client reads why.
bool VcpuDebugger::done(Result<void> result) {
    if (!result)
        fail(result.error());
    return result.has_value();
}

void VcpuDebugger::before_entry(const x86::CpuState* known) {
    if (const auto* why = dead()) {
        context_.coordinator.report(
            thread_.index(),
            {thread_of(thread_.index()), gdbstub::StoppedBySignal{gdbstub::Signal::Segv, false}, *why});
        return;
    }
    phase_ = phase::Free{};
    step_.begin_range();
    own_.forget();
    // With nothing armed before and nothing now, a resume costs no ioctl.
    if (!stepping() && !armed_.anything() && !exit_trap_->armed() && context_.table.empty() &&
        !context_.guest_stops.int3)
        return;
    thread_.vcpu().sync_system_registers(false);
    if (known != nullptr) {
        at_.general = known->general;
        at_.system = known->system;
    } else if (!done(at_.fetch())) {
        return;
    }
    if (!record_look())
        return;
    look_at_guest_slots();
    if (leave_known_breakpoint())
        return;
    if (stepping() && stops_here())
        return;
    arm();
}

// ---- Debug exits

void VcpuDebugger::on_debug_exit() {
    if (!done(at_.fetch()) || (exit_trap_->take_caught() && hit_exit_trap()))
        return;
    const kvm::DebugExit exit = kvm::debug_exit(thread_.vcpu());
    const bool stepped = armed_.single_steps() && exit.debug && exit.dr6.single_step();
    if (!stepped && armed_.single_steps())
        step_.leave_unfinished();
    if (!stepped && recording())
        context_.recorder->irregular();
    if (exit.breakpoint)
        return on_int3();
    traps_.note_debug_exit();
    if (step_.is_echo(exit.dr6, armed_.single_steps()))
        return;
    if (armed_.setup().dr7.general_detect() && exit.dr6.debug_register_access())
        return on_debug_register_access();
    const bool was_stepping = armed_.single_steps();
    const unsigned own = own_.hits(armed_.setup(), exit.dr6, exit.dr7, at_.general.rflags);
    const unsigned hits = debugger_hits(armed_.setup(), exit.dr6.hits(armed_.setup().dr7));
    if (own != 0) {
        const bool step_too = stepped && step_.guest_trap_flag();
        if (!done(traps_.give_debug_exception(own | (step_too ? x86::Dr6::kSingleStep : 0),
                                              step_.guest_trap_flag())))
            return;
    }
    if (hits != 0)
        return on_slots(hits, stepped);
    if (own != 0 && !stepped) {
        if (must_step())
            arm();
        return;
    }
    if (was_stepping && exit.debug) {
        if (step_.came_too_early())
            return arm();
        return on_step();
    }
    // Nobody here has asked for it: the guest's own TF.
    done(traps_.give_debug_exception(exit.dr6.causes(), at_.trap_flag()));
}

void VcpuDebugger::on_int3() {
    const auto page = context_.view.translate(at_.system, at_.pc());
    Breakpoint* breakpoint = page ? context_.table.planted_at(page->gpa) : nullptr;
    // While the planted int3 is out of memory, an int3 here is the guest's own.
    if (breakpoint == nullptr || step_off_.has_lifted(breakpoint->gpa)) {
        if (context_.guest_stops.int3)
            return stop_behind(1, "int3");
        done(traps_.give_breakpoint());
        return;
    }
    on_planted(*breakpoint);
}

// The vCPU has come to what is planted for a breakpoint.
void VcpuDebugger::on_planted(Breakpoint& breakpoint) {
    step_off_.end();
    const auto guest_breaks_here = own_.breaks_at(at_.pc());
    if (!guest_breaks_here)
        return fail(guest_breaks_here.error());
    if (*guest_breaks_here) {
        at_.general.rflags |= x86::rflags::kRf;
        if (!done(at_.store_general()))
            return;
    }
    hit(breakpoint, false);
}

// Of several slots that hit at once the table's comes first: it is the one that a user asked for.
void VcpuDebugger::on_slots(unsigned hits, bool stepped) {
    const auto& owner = plan().owner;
    const SlotSetup& armed = armed_.setup();
    auto use = SlotUse::None;
    Breakpoint* breakpoint = nullptr;
    for (unsigned slot = 0; slot < x86::kDebugSlots && breakpoint == nullptr; ++slot) {
        if ((hits >> slot & 1) == 0)
            continue;
        if (armed.use[slot] == SlotUse::Plan)
            breakpoint = owner[slot];
        use = armed.use[slot];
    }
    if (breakpoint != nullptr) {
        // The instruction that a data slot reports is done.
        if (armed_.single_steps() && (stepped || breakpoint->is_watchpoint()) &&
            (!finish_step() || !record_step()))
            return;
        step_off_.end();
        return hit(*breakpoint, stepped);
    }
    switch (use) {
        case SlotUse::DebugHandler:
            return on_user_debug();
        case SlotUse::BreakpointHandler:
            return on_user_int3(false);
        case SlotUse::ProtectionHandler:
            return on_user_int3(true);
        default:
            return on_step();
    }
}

// The guest is at a MOV to or from a debug register. It runs with the guest's own registers in place, unless the guest
// has GD set itself.
void VcpuDebugger::on_debug_register_access() {
    own_.forget_values();
    const auto own = own_.read();
    if (!own)
        return fail(own.error());
    if (!x86::Dr7::from_raw(own->dr7).general_detect())
        return pass_over();
    if (done(traps_.give_debug_exception(x86::Dr6::kDebugRegisterAccess, step_.guest_trap_flag())) &&
        must_step())
        arm();
}

// ---- Steps

// An instruction has been stepped: by KVM, or up to the slot at its target.
void VcpuDebugger::on_step() {
    const bool single_stepped = armed_.single_steps();
    const bool was_off = step_off_.active();
    const auto& watchpoints = plan().stepped_watchpoints;
    Breakpoint* touched = nullptr;
    if (!watchpoints.empty())
        touched = step_.triggered_watchpoint(watchpoints);
    if (!finish_step() || !record_step())
        return;
    if (touched != nullptr)
        return hit(*touched, single_stepped);
    if (ends_here())
        return;
    if (stepping() && !was_off)
        next_step();
    else
        arm();
}

// Puts right what a step leaves behind. Returns false if KVM refused.
bool VcpuDebugger::finish_step() {
    step_off_.end();
    const bool owed = step_.finish(armed_.single_steps());
    if (!owed || traps_.debug_exception_pending())
        return true;
    return done(traps_.give_debug_exception(x86::Dr6::kSingleStep, step_.guest_trap_flag()));
}

// Goes on stepping. While one ordinary instruction follows another TF stays as it is, and KVM need not be asked again:
// unless KVM has emulated one, which on most hosts loses TF and cannot be seen from here.
void VcpuDebugger::next_step() {
    if (step_.is_time_to_look() && settle_waiting_breakpoints())
        return arm();
    const bool tf_stays = context_.abilities.step_survives_emulation && !thread_.finished_an_access() &&
                          step_.was_ordinary() && armed_.single_steps() &&
                          blocks_interrupts() == armed_.setup().blocks_interrupts() && !blind_here();
    if (tf_stays) {
        classify();
        if (step_.kind() == x86::StepKind::Ordinary)
            return step_.note_entry();
    }
    arm();
}

// Returns true if the client must know of the step that has led here, and reports it.
bool VcpuDebugger::ends_here() {
    const auto* range = std::get_if<gdbstub::RangeStep>(&action_);
    const auto rip = at_.general.rip;
    const bool left = range != nullptr && (rip < range->start || rip >= range->end);
    if (left || std::holds_alternative<gdbstub::Step>(action_)) {
        report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, true});
        return true;
    }
    if (range != nullptr)
        step_.count_range_step();
    return stops_here();
}

// Past a breakpoint that does not stop here. `stepped`: a step has ended at the same exit. A watchpoint has let its
// instruction through already.
void VcpuDebugger::step_off(Breakpoint& breakpoint, bool stepped) {
    if (breakpoint.is_watchpoint()) {
        if (!stepped || !ends_here())
            arm();
        return;
    }
    classify();
    if (!traps_.debug_exception_pending() && step_.at_halt()) {
        if (step_over_halt())
            arm();
        return;
    }
    if (step_off_.begin(breakpoint))
        arm();
}

// Over an instruction whose slot is in the way: a handler that was entered for the guest's own reasons, a MOV to a debug
// register.
void VcpuDebugger::pass_over() {
    step_off_.begin();
    arm();
}

// Returns false if KVM refused.
bool VcpuDebugger::record_step() {
    return !recording() || done(context_.recorder->after_step(at_.general, at_.system));
}

bool VcpuDebugger::record_look() {
    return !recording() || done(context_.recorder->look(at_.general, at_.system));
}

void VcpuDebugger::on_dirty_ring_full() {
    if (recording() && done(at_.fetch()))
        done(context_.recorder->make_room());
}

// A stop may come before a step is done. A breakpoint that was stepped off goes back in, to be hit again later; TF that
// was set in user code is cleared if it is still in RFLAGS.
void VcpuDebugger::on_parked() {
    const bool mid_step = armed_.single_steps() && std::holds_alternative<phase::Free>(phase_);
    if (recording() && mid_step)
        context_.recorder->irregular();
    if (!step_off_.active() && !user_trap_flag_.is_set() && !mid_step)
        return;
    thread_.vcpu().sync_system_registers(false);
    if (!done(at_.fetch()))
        return;
    if (armed_.single_steps())
        step_.leave_unfinished();
    step_off_.end();
    if (user_trap_flag_.is_set() && blind_here()) {
        user_trap_flag_.clear(at_);
        done(at_.store_general());
    }
    if (mid_step)
        record_look();
}

// ---- Ends

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
    if (recording() && was_reset() && (!done(context_.recorder->recall()) || !done(at_.fetch())))
        return;
    const auto why = fatal_report(thread_, cause, context_.view, at_.general, at_.system);
    if (recording())
        context_.recorder->irregular();
    if (!record_look())
        return;
    context_.events.on_dead(thread_.index(), cause, why);
    const auto signal =
        cause == machine::FatalExit::EmulationFailure ? gdbstub::Signal::Ill : gdbstub::Signal::Segv;
    report(gdbstub::StoppedBySignal{signal, false}, why);
    phase_ = phase::Dead{why};
    death_ = why;
}

// KVM gives a vCPU that has shut down on SVM the state of one that was reset.
bool VcpuDebugger::was_reset() const {
    constexpr std::uint64_t kResetRip = 0xfff0, kResetBase = 0xffff0000;
    return at_.general.rip == kResetRip && at_.system.cs.base == kResetBase;
}

// Does what KVM could not do. What follows an instruction follows this one too: the end of a step, or the guest's own
// trap.
bool VcpuDebugger::complete_instruction() {
    const auto after = completion_.complete(thread_.vcpu(), context_.view, at_.general, at_.system);
    if (!after)
        return false;
    if (!std::exchange(completed_any_, true))
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
