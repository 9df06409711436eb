#include "vmm/debug/run_control/vcpu_debugger.h"

#include <utility>

#include "vmm/debug/run_control/stop_reasons.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

VcpuDebugger::VcpuDebugger(machine::VcpuThread& thread, DebugContext& context)
    : thread_(thread),
      context_(context),
      at_(thread.vcpu()),
      report_(thread.index(), context.coordinator, at_),
      stops_(thread.vcpu(), context, at_),
      recording_(thread.index(), context, at_),
      step_(thread.vcpu(), at_, context.view, context.abilities),
      step_off_(thread.index(), context.table, context.coordinator),
      guarded_(thread, context, at_, step_off_),
      arming_(thread.vcpu(), context, at_, needs_, step_, step_off_, recording_),
      needs_(thread.index(), context, arming_.own(), stops_, recording_, step_off_),
      pass_(thread.vcpu(), context, at_, needs_, arming_, step_, step_off_, stops_.traced()),
      fatal_(thread, context, at_, recording_, report_) {}

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

void VcpuDebugger::arm() {
    if (!done(arming_.prepare()))
        return;
    const bool steps = needs_.must_step();
    if (steps && arming_.at_halt_to_step() && !step_over_halt())
        return;
    if (done(arming_.program(steps)))
        done(guarded_.keep_looking());
}

// Arms the next entry, if something has changed for it. Returns false if something has failed.
bool VcpuDebugger::follow(const Result<GuardedRun::Next>& next) {
    if (!next)
        fail(next.error());
    else if (*next == GuardedRun::Next::Arm)
        arm();
    return next.has_value();
}

// Returns true if the vCPU steps on behind the HLT: it has not stopped there, and its turn is not over.
bool VcpuDebugger::step_over_halt() {
    if (!done(step_.step_over_halt()))
        return false;
    stops_.traced().after_step();
    if (!done(recording_.after_step()))
        return false;
    const bool turn_ends = recording_.ends_turn();
    if (ends_here())
        return false;
    stops_.note_passed();
    if (turn_ends)
        return false;
    arming_.examine();
    return true;
}

void VcpuDebugger::before_entry(const x86::CpuState* known) {
    if (!report_.clear())
        return;
    arming_.own().forget();
    // If nothing was armed and nothing has to be, a resume costs no ioctl.
    if (!needs_.stepping() && !arming_.anything() && context_.table.empty() && !context_.guest_stops.int3 &&
        context_.handlers.empty())
        return;
    thread_.vcpu().sync_at_exits(kvm::SyncedState::General);
    if (known != nullptr) {
        at_.general = known->general;
        at_.system = known->system;
    } else if (!done(at_.fetch())) {
        return;
    }
    if (!done(recording_.look()) || !done(recording_.begin_turn()) || !done(arming_.look_at_guest_slots()))
        return;
    stops_.begin();
    if (Breakpoint* shown = report_.shown(context_.table, context_.view)) {
        // If another vCPU is stepping off something at this moment, this one is parked first, and comes here again.
        go_on(pass_.step_off(*shown, false));
        if (step_off_.active())
            report_.forget_shown();
        return;
    }
    if (needs_.stepping() && stop(stops_.before_step(needs_.plan())))
        return;
    stops_.note_passed();
    arm();
}

// In the middle of an instruction, or while a breakpoint is out of memory, this does nothing: the next exit will do.
void VcpuDebugger::look_at_handlers() {
    if (context_.handlers.empty() || needs_.must_step() || report_.made() || !done(at_.fetch()))
        return;
    if (context_.handlers.update(context_, thread_.index(), at_))
        arm();
}

void VcpuDebugger::on_dirty_ring_full() {
    if (recording_.active() && done(at_.fetch()))
        done(recording_.make_room());
}

bool VcpuDebugger::on_write_fault() {
    const auto next = guarded_.on_fault();
    return !follow(next) || *next != GuardedRun::Next::NotOurs;
}

// The instruction may not be complete yet: the registers are fetched again when it is.
bool VcpuDebugger::on_unwritten(Gpa gpa, std::span<const std::byte> data) {
    TouchedWatchpoint touched;
    if (!guarded_.write(gpa, data, touched))
        return false;
    if (!done(at_.fetch()) || !follow(guarded_.give_up_to_kvm()) || touched.watchpoint == nullptr)
        return true;
    if (auto found = stops_.at_hit(*touched.watchpoint, {&touched, 1})) {
        const bool clients = found->breakpoint->judge == nullptr;
        const auto reason = clients ? watchpoint_stop(*found->breakpoint) : judged_stop(client_would_go_on());
        context_.coordinator.report(thread_.index(),
                                    {thread_of(thread_.index()), reason, std::move(found->words)});
    }
    return true;
}

// A stop may come before a step is done. A breakpoint that was stepped off is planted again, to be hit again later. TF
// that was set in user code is cleared if it is still in RFLAGS.
void VcpuDebugger::on_parked() {
    guarded_.on_parked();
    const bool mid_step = arming_.single_steps() && !report_.made();
    if (mid_step)
        recording_.irregular();
    if (!step_off_.active() && !arming_.user().trap_flag_set() && !mid_step)
        return;
    thread_.vcpu().sync_at_exits(kvm::SyncedState::General);
    if (!done(at_.fetch()))
        return;
    if (arming_.single_steps())
        step_.leave_unfinished();
    step_off_.end();
    if (done(arming_.user().take_trap_flag()) && mid_step)
        done(recording_.look());
}

void VcpuDebugger::on_fatal_exit(machine::FatalExit cause) {
    if (!done(at_.fetch()))
        return;
    if (cause == machine::FatalExit::EmulationFailure) {
        // It may have failed because of a protected page: KVM tries again without that.
        if (guarded_.protects()) {
            follow(guarded_.give_up_to_kvm());
            return;
        }
        if (fatal_.at_int3())
            return on_int3();
        const auto completed = fatal_.complete();
        if (!completed)
            return fail(completed.error());
        if (*completed)
            return on_completed();
    }
    step_off_.end();
    done(fatal_.die(cause));
}

}  // namespace ringside::debug
