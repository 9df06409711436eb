// What follows from a step, and where a vCPU stops.

#include <fmt/format.h>

#include "arch/x86_64/trap_instructions.h"
#include "vmm/debug/run_control/settle.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

// An instruction has been stepped: by KVM, or up to the slot at its target.
void VcpuDebugger::on_step() {
    const bool single_stepped = armed_.single_steps();
    const bool was_off = step_off_.active();
    const auto& watchpoints = plan().stepped_watchpoints;
    Breakpoint* touched = nullptr;
    judged_at_.reset();
    if (!watchpoints.empty())
        touched = step_.triggered_watchpoint(watchpoints);
    if (!finish_step() || !done(recording_.after_step()))
        return;
    const bool turn_ends = recording_.ends_turn();
    if (touched != nullptr)
        return hit(*touched, single_stepped);
    if (ends_here())
        return;
    judged_at_ = at_.general.rip;
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
    traced_.after_step();
    if (!owed || traps_.debug_exception_pending())
        return true;
    return done(traps_.give_debug_exception(x86::Dr6::kSingleStep, step_.guest_trap_flag()));
}

// Continues stepping. While one ordinary instruction follows another, TF stays set, and KVM need not be called again:
// unless KVM has emulated one, which on most hosts loses TF and cannot be detected here.
void VcpuDebugger::next_step() {
    if (step_.is_time_to_look() && settle_waiting(context_, thread_.index(), at_, plan()))
        return arm();
    if (context_.handlers.wants_steps(thread_.index()) &&
        context_.handlers.update(context_, thread_.index(), at_))
        return arm();
    const bool tf_stays = context_.abilities.step_survives_emulation && !thread_.finished_an_access() &&
                          step_.was_ordinary() && armed_.single_steps() &&
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
    const auto* range = std::get_if<gdbstub::RangeStep>(&action_);
    const auto rip = at_.general.rip;
    const bool left = range != nullptr && (rip < range->start || rip >= range->end);
    if (left || std::holds_alternative<gdbstub::Step>(action_)) {
        report_.report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, true});
        return true;
    }
    if (range != nullptr)
        step_.count_range_step();
    return changed_state() || stops_here();
}

// Returns true if the step has done what a rule asks for, and reports it.
bool VcpuDebugger::changed_state() {
    if (context_.states.empty())
        return false;
    constexpr auto kHalt = std::to_integer<std::uint64_t>(x86::opcode(x86::TrapInstruction::Halt));
    const bool halts =
        !at_.in_user_mode() && context_.view.load(at_.system, at_.pc(), sizeof(std::byte)) == kHalt;
    auto words = context_.states.look(thread_.index(), at_, halts);
    if (words.empty())
        return false;
    report_.report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, std::move(words));
    return true;
}

// Not the end of a step: a breakpoint that is found by stepping, or the guest's own xchg %bx,%bx.
bool VcpuDebugger::stops_here() {
    const Gva pc = at_.pc();
    for (Breakpoint* breakpoint : plan().stepped_breakpoints) {
        if (breakpoint->request.address != pc.value)
            continue;
        std::string words;
        if (const Breakpoint* stop = hits_.stopping(*breakpoint, words)) {
            report_.report_hit(*stop, std::move(words));
            return true;
        }
        break;  // the others at the address have been evaluated as well
    }
    if (!context_.guest_stops.exchange)
        return false;
    std::array<std::byte, x86::kExchangeStopBytes> code{};
    const std::size_t size = context_.view.fetch(at_.system, pc, code);
    const auto length =
        x86::exchange_stop_length(std::span(code).first(size), x86::cpu_mode(at_.general, at_.system));
    if (length != 0)
        stop_behind(length, "xchg %bx,%bx");
    return length != 0;
}

void VcpuDebugger::hit(Breakpoint& breakpoint, bool stepped) {
    std::string words;
    const Breakpoint* stop = hits_.stopping(breakpoint, words);
    if (stop == nullptr)
        go_on(breakpoint, stepped);
    else if (hide_from_guest_slots(breakpoint))
        report_.report_hit(*stop, std::move(words));
}

void VcpuDebugger::go_on(Breakpoint& breakpoint, bool stepped) {
    filters_ = true;
    if (!stepped && passes(breakpoint))
        return;
    if (hide_from_guest_slots(breakpoint))
        step_off(breakpoint, stepped);
}

// The guest has its #DB of an execution breakpoint at the same address behind it: that has priority over what is planted.
// It would come once more when the instruction itself is executed. Returns false if KVM refused.
bool VcpuDebugger::hide_from_guest_slots(const Breakpoint& breakpoint) {
    if (breakpoint.mechanism != Mechanism::Planted)
        return true;
    const auto guest_breaks_here = own_.breaks_at(at_.pc());
    if (!guest_breaks_here) {
        fail(guest_breaks_here.error());
        return false;
    }
    if (!*guest_breaks_here)
        return true;
    at_.general.rflags |= x86::rflags::kRf;
    return done(at_.store_general());
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
        traced_.after_step();
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
        if (step_over_halt())
            arm();
        return;
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
