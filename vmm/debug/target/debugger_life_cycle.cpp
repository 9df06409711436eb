// The guest's end, and restarting the machine.

#include <utility>

#include <fmt/format.h>

#include "vmm/debug/run_control/stop_reasons.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/debug/target/errors.h"
#include "vmm/debug/target/non_stop_access.h"

namespace ringside::debug {

void Debugger::on_guest_end(std::optional<VcpuIndex> vcpu, const machine::GuestEnd& how) {
    using Kind = machine::GuestEnd::Kind;
    const bool separate = guest_->stops().non_stop();
    if (vcpu && how.kind == Kind::Reset && options_.on_reset == OnReset::Restart && !separate) {
        guest_->stops().report(*vcpu, stop_for_restart(thread_of(*vcpu)));
        return owner_.post([this, vcpu, how] { on_guest_reset(*vcpu, how); });
    }
    const bool shown = vcpu && how.kind != Kind::DebugExit && options_.on_reset != OnReset::Exit;
    if (shown)
        report_stop(*vcpu,
                    fmt::format("The guest has {} ({}). When it is resumed the run ends.\n",
                                how.kind == Kind::Reset ? "reset the machine" : "powered the machine off",
                                how.source));
    owner_.post([this, how, shown, separate] {
        guest_end_ = how;
        if (separate && shown)  // the machine has suspended every vCPU
            guest_->stops().interrupt(gdbstub::StoppedBySignal{gdbstub::Signal::None, false});
        if (!shown || (!client_.attached() && !keeps_past()))
            end_run();
        else if (!client_.attached())
            owner_.on_crash_kept(fmt::format("the guest has ended itself ({})\n", how.source));
    });
}

void Debugger::end_run() {
    guest_->end_stop();
    owner_.post([this, how = *guest_end_] { owner_.on_guest_end(how); });
}

// ---- Starting anew

Result<void> Debugger::restart() {
    TRY(check_all_stop(guest_->stops(), "restart"));
    if (ended_)
        return failure("restart", "the run has ended", "In gdb, `run` restarts the machine");
    TRY(owner_.prepare_restart(std::nullopt));
    if (!stopped()) {
        stop_to_restart();
        return {};
    }
    const bool client_waits = time_travel_->travelling();
    start_anew();
    if (client_waits)
        owner_.on_stop(guest_->stops().last_stop());
    return {};
}

// Breakpoints of the old program would conflict with those that the client sets for the new one.
gdbstub::Result<void> Debugger::restart(const Wanted& wanted) {
    if (const auto ready = owner_.prepare_restart(wanted); !ready) {
        // gdb 13 does not show its user words in reply to this packet.
        owner_.on_restart_failed(fmt::format("the machine cannot restart: {}\n", ready.error().message()));
        return refuse(ready.error());
    }
    if (ended_ && guest_->stops().stopped())
        (void)guest_->take_stop();
    guest_->stops().set_non_stop(false);
    forgets_breakpoints_ = stop_asked_ = true;
    if (!stopped()) {
        stop_to_restart();
        return {};
    }
    start_anew();
    owner_.post([this] { owner_.on_stop(guest_->stops().last_stop()); });
    return {};
}

void Debugger::stop_to_restart() {
    restarts_at_stop_ = true;
    guest_->stops().interrupt(stop_for_restart({}).reason);
}

void Debugger::start_anew() {
    if (time_travel_->drop(*stop_token()))
        owner_.on_console(
            "The recording is gone, because the machine was restarted: `monitor record on` starts "
            "another.\n");
    guest_->start_anew(!std::exchange(forgets_breakpoints_, false),
                       [this] { owner_.restart(*stop_token()); });
    guest_end_.reset();
    ended_ = stop_asked_ = false;
    if (options_.record != 0)
        start_recording();
}

// The vCPU that caused it has reported a stop, which comes after this.
void Debugger::on_guest_reset(VcpuIndex vcpu, const machine::GuestEnd& how) {
    const auto ready = owner_.prepare_restart(std::nullopt);
    if (ready) {
        restarts_at_stop_ = true;
        owner_.on_console(fmt::format("The guest has reset the machine ({}), and restarts.\n", how.source));
        return;
    }
    const auto why = fmt::format("The guest has reset the machine ({}), which cannot restart: {}\n",
                                 how.source, ready.error().message());
    owner_.on_restart_failed(why);
    guest_->stops().replace_stop(
        {thread_of(vcpu), gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, why});
    guest_end_ = how;
    if (!client_.attached() && !keeps_past())
        end_run();
}

// Puts the guest at its first instruction, for the next client. Returns false if the machine cannot restart.
bool Debugger::wait_anew() {
    const auto ready = owner_.prepare_restart(std::nullopt);
    if (ready)
        start_anew();
    else
        owner_.on_restart_failed(
            fmt::format("the guest waits as it is, and cannot restart: {}\n", ready.error().message()));
    return ready.has_value();
}

// The guest runs on from its first instruction, unless a stop has been requested since.
void Debugger::finish_restart() {
    const bool stops = stop_asked_ || !is_for_restart(guest_->stops().last_stop());
    start_anew();
    started_ = true;
    if (client_.leaving()) {
        let_go(*client_.leaving());
        if (!client_.attached())
            return;
    } else if (!stops) {
        return resume_everything();
    }
    if (client_.attached())
        greet_client();
    owner_.on_stop(guest_->stops().last_stop());
}

}  // namespace ringside::debug
