// Sorts debug exits: the client's, the debugger's own, and the guest's.

#include "vmm/debug/breakpoints/guest_slots.h"
#include "vmm/debug/host/inner_exits.h"
#include "vmm/debug/run_control/inner_step.h"
#include "vmm/debug/run_control/slot_hit.h"
#include "vmm/debug/run_control/vcpu_debugger.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

void VcpuDebugger::on_debug_exit() {
    if (!done(at_.fetch()) || (exits_.take_caught() && on_planted_exit()))
        return;
    const kvm::DebugExit exit = kvm::debug_exit(thread_.vcpu());
    const bool stepped = armed_.single_steps() && exit.debug && exit.dr6.single_step();
    if (!stepped && armed_.single_steps())
        step_.leave_unfinished();
    if (!stepped)
        recording_.irregular();
    if (exit.breakpoint)
        return on_int3();
    traps_.note_debug_exit();
    if (step_.is_echo(exit.dr6, armed_.single_steps())) {
        if (!must_step())
            arm();
        return;
    }
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
    // Neither the client nor the debugger caused it: the guest's own TF.
    done(traps_.give_debug_exception(exit.dr6.causes(), at_.trap_flag()));
}

void VcpuDebugger::on_int3() {
    Breakpoint* breakpoint = step_off_.planted_at(context_.view, at_.system, at_.pc());
    if (breakpoint == nullptr) {  // the guest's own
        if (context_.guest_stops.int3)
            return stop_behind(1, "int3");
        done(traps_.give_breakpoint());
        return;
    }
    on_planted(*breakpoint);
}

// Not a debug exit: KVM_RUN was interrupted. An exit trap also causes that, and so does the exit to L1 of an instruction of
// L2 that is stepped.
void VcpuDebugger::on_interrupted() {
    recording_.interrupted();
    if (!exits_.take_caught() || !done(at_.fetch()))
        return;
    const bool left_l2 = inner_exits_watched() && !at_.system.inner.running;
    if (left_l2) {
        step_off_.end();
        if (!done(forget_inner_step(thread_.vcpu(), step_.guest_trap_flag())))
            return;
        step_.classify(false, {});  // what is known of the step is L2's
        stops_.traced().after_step();
        recording_.irregular();
        if (!ends_here())
            arm();
        return;
    }
    if (!on_planted_exit() && plan().exit_traps.paging)
        arm();
}

// Returns true if the exit is that of a planted instruction, and handles it. Others are the guest's own.
bool VcpuDebugger::on_planted_exit() {
    const auto breakpoint = exits_.undo();
    if (!breakpoint) {
        fail(breakpoint.error());
        return true;
    }
    if (*breakpoint == nullptr)
        return false;
    if (armed_.single_steps())
        step_.leave_unfinished();
    on_planted(**breakpoint);
    return true;
}

// The vCPU has reached an instruction that is planted for a breakpoint.
void VcpuDebugger::on_planted(Breakpoint& breakpoint) {
    step_off_.end();
    hit(breakpoint, false);
}

void VcpuDebugger::on_slots(unsigned hits, bool stepped) {
    const auto [breakpoint, use] = slot_hit(armed_.setup(), plan().owner, hits);
    if (breakpoint != nullptr) {
        // The instruction that a data slot reports is complete.
        if (armed_.single_steps() && (stepped || breakpoint->is_watchpoint()) &&
            (!finish_step() || !done(recording_.after_step())))
            return;
        step_off_.end();
        return hit(*breakpoint, stepped);
    }
    switch (use) {
        case SlotUse::DebugHandler:
        case SlotUse::BreakpointHandler:
        case SlotUse::ProtectionHandler:
            return on_handler(use);
        default:
            return on_step();
    }
}

// A handler of the guest's was entered from user code: at the end of a step there, at a breakpoint, or for the guest's
// own reasons.
void VcpuDebugger::on_handler(SlotUse handler) {
    const auto cause = user_.undo_delivery(handler);
    if (!cause)
        fail(cause.error());
    else if (cause->breakpoint != nullptr)
        on_planted(*cause->breakpoint);
    else if (cause->stepped)
        on_step();
    else
        pass_over();
}

// The guest is at a MOV to or from a debug register. It executes with the guest's own registers in place, unless the
// guest has set GD itself.
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

}  // namespace ringside::debug
