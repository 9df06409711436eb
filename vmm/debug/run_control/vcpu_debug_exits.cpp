// What follows from each kind of debug exit.

#include "vmm/debug/host/inner_exits.h"
#include "vmm/debug/run_control/inner_step.h"
#include "vmm/debug/run_control/last_instruction.h"
#include "vmm/debug/run_control/slot_hit.h"
#include "vmm/debug/run_control/vcpu_debugger.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

void VcpuDebugger::on_debug_exit() {
    if (!done(at_.fetch()) || (arming_.exits().take_caught() && on_planted_exit()))
        return;
    const kvm::DebugExit exit = kvm::debug_exit(thread_.vcpu());
    const auto cause = sort_debug_exit(exit, arming_.setup(), arming_.own(), at_, step_);
    if (!cause.stepped) {
        if (arming_.single_steps())
            step_.leave_unfinished();
        recording_.irregular();
    }
    if (!exit.breakpoint)
        arming_.traps().note_debug_exit();
    if (cause.guest_slots != 0 && !give_guest_slots(cause))
        return;
    switch (cause.kind) {
        case DebugExitCause::Kind::Int3:
            return on_int3();
        case DebugExitCause::Kind::DebugRegisterAccess:
            return on_debug_register_access();
        case DebugExitCause::Kind::Slots:
            return on_slots(cause.slots, cause.stepped);
        case DebugExitCause::Kind::Step:
            return on_step();
        case DebugExitCause::Kind::EarlyTrap:
            return arm();
        case DebugExitCause::Kind::Echo:
            if (!needs_.must_step())
                arm();
            return;
        case DebugExitCause::Kind::GuestSlots:
            if (needs_.must_step())
                arm();
            return;
        case DebugExitCause::Kind::GuestTrapFlag:
            done(arming_.traps().give_debug_exception(exit.dr6.causes(), at_.trap_flag()));
            return;
    }
}

// Delivers the guest's own #DB. Returns false if KVM refused.
bool VcpuDebugger::give_guest_slots(const DebugExitCause& cause) {
    const bool step_too = cause.stepped && step_.guest_trap_flag();
    return done(arming_.traps().give_debug_exception(
        cause.guest_slots | (step_too ? x86::Dr6::kSingleStep : 0), step_.guest_trap_flag()));
}

void VcpuDebugger::on_int3() {
    Breakpoint* breakpoint = step_off_.planted_at(context_.view, at_.system, at_.pc());
    if (breakpoint == nullptr) {  // the guest's own
        if (context_.guest_stops.int3)
            return stop_behind(1, "int3");
        done(arming_.traps().give_breakpoint());
        return;
    }
    on_planted(*breakpoint);
}

// Not a debug exit: KVM_RUN was interrupted. An exit trap also causes that, and so does the exit to L1 of an instruction of
// L2 that is stepped.
void VcpuDebugger::on_interrupted() {
    recording_.interrupted();
    const bool caught = arming_.exits().take_caught();
    if (!follow(guarded_.look()) || !caught || !done(at_.fetch()))
        return;
    if (inner_exits_watched() && !at_.system.inner.running)
        return on_left_l2();
    if (!on_planted_exit() && needs_.plan().exit_traps.paging)
        arm();
}

void VcpuDebugger::on_left_l2() {
    step_off_.end();
    if (!done(forget_inner_step(thread_.vcpu(), step_.guest_trap_flag())))
        return;
    step_.classify(false, {});  // what is known of the step is L2's
    stops_.traced().after_step();
    recording_.irregular();
    if (!ends_here())
        arm();
}

// Returns true if the exit is that of a planted instruction, and handles it. Others are the guest's own.
bool VcpuDebugger::on_planted_exit() {
    const auto breakpoint = arming_.exits().undo();
    if (!breakpoint) {
        fail(breakpoint.error());
        return true;
    }
    if (*breakpoint == nullptr)
        return false;
    if (arming_.single_steps())
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
    const auto [breakpoint, use, wrote] = slot_hit(arming_.setup(), needs_.plan(), hits);
    if (breakpoint != nullptr) {
        const bool done_step = arming_.single_steps() && (stepped || breakpoint->is_watchpoint());
        const auto touched =
            done_step ? step_.touched(needs_.plan().stepped_watchpoints) : std::vector<TouchedWatchpoint>{};
        // The instruction that a data slot reports is complete.
        if (done_step) {
            stops_.forget_place();
            if (!finish_step() || !done(recording_.after_step()))
                return;
        }
        step_off_.end();
        const auto& request = breakpoint->request;
        if (wrote && !may_have_read_and_written(context_.view, at_, Gva{request.address}, request.size))
            return touched.empty() ? pass(*breakpoint, stepped)
                                   : hit(*touched.front().watchpoint, stepped, touched);
        return hit(*breakpoint, stepped, touched);
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
    const auto cause = arming_.user().undo_delivery(handler);
    if (!cause)
        fail(cause.error());
    else if (cause->breakpoint != nullptr)
        on_planted(*cause->breakpoint);
    else if (cause->stepped)
        on_step();
    else
        go_on(pass_.pass_over_slot());
}

// The guest is at a MOV to or from a debug register. It executes with the guest's own registers in place, unless the
// guest has set GD itself.
void VcpuDebugger::on_debug_register_access() {
    arming_.own().forget_values();
    const auto own = arming_.own().read();
    if (!own)
        return fail(own.error());
    if (!x86::Dr7::from_raw(own->dr7).general_detect())
        return go_on(pass_.pass_over_slot());
    if (done(arming_.traps().give_debug_exception(x86::Dr6::kDebugRegisterAccess, step_.guest_trap_flag())) &&
        needs_.must_step())
        arm();
}

}  // namespace ringside::debug
