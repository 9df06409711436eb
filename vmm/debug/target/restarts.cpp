#include "vmm/debug/target/restarts.h"

#include <utility>

#include <fmt/format.h>

#include "vmm/debug/run_control/stop_reasons.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/debug/target/errors.h"
#include "vmm/debug/target/non_stop_access.h"

namespace ringside::debug {

void Restarts::client_stays() {
    debugger_.clients().enter_extended_mode();
}

Result<void> Restarts::with_breakpoints() {
    TRY(check_all_stop(debugger_.guest().stops(), "restart"));
    if (debugger_.run().over())
        return failure("restart", "the run has ended", "In gdb, `run` restarts the machine");
    TRY(owner_.prepare_restart(std::nullopt));
    if (!debugger_.stopped()) {
        ask_for_stop();
        return {};
    }
    const bool client_waits = debugger_.time_travel().travelling();
    start_anew();
    if (client_waits)
        owner_.on_stop(debugger_.guest().stops().last_stop());
    return {};
}

// Breakpoints of the old program would conflict with those that the client sets for the new one.
gdbstub::Result<void> Restarts::restart(const Wanted& wanted) {
    if (const auto ready = owner_.prepare_restart(wanted); !ready) {
        // gdb 13 does not show its user words in reply to this packet.
        owner_.on_restart_failed(fmt::format("the machine cannot restart: {}\n", ready.error().message()));
        return refuse(ready.error());
    }
    auto& guest = debugger_.guest();
    if (debugger_.run().over() && guest.stops().stopped())
        (void)guest.take_stop();
    guest.stops().set_non_stop(false);
    forgets_breakpoints_ = stop_asked_ = true;
    if (!debugger_.stopped()) {
        ask_for_stop();
        return {};
    }
    start_anew();
    owner_.post([this] { owner_.on_stop(debugger_.guest().stops().last_stop()); });
    return {};
}

void Restarts::ask_for_stop() {
    at_stop_ = true;
    debugger_.guest().stops().interrupt(stop_for_restart({}).reason);
}

void Restarts::start_anew() {
    const auto& token = *debugger_.stop_token();
    if (debugger_.time_travel().drop(token))
        owner_.on_console(
            "The recording is gone, because the machine was restarted: `monitor record on` starts "
            "another.\n");
    debugger_.guest().start_anew(!std::exchange(forgets_breakpoints_, false),
                                 [this, &token] { owner_.restart(token); });
    debugger_.run().restart();
    stop_asked_ = false;
    debugger_.record_from_start();
}

void Restarts::on_guest_reset(VcpuIndex vcpu, const machine::GuestEnd& how) {
    const auto ready = owner_.prepare_restart(std::nullopt);
    if (ready) {
        at_stop_ = true;
        owner_.on_console(fmt::format("The guest has reset the machine ({}), and restarts.\n", how.source));
        return;
    }
    const auto why = fmt::format("The guest has reset the machine ({}), which cannot restart: {}\n",
                                 how.source, ready.error().message());
    owner_.on_restart_failed(why);
    debugger_.guest().stops().replace_stop(
        {thread_of(vcpu), gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, why});
    debugger_.run().guest_has_ended(how);
    if (!debugger_.client_attached() && !debugger_.keeps_past())
        debugger_.end_run();
}

bool Restarts::wait_anew() {
    const auto ready = owner_.prepare_restart(std::nullopt);
    if (ready)
        start_anew();
    else
        owner_.on_restart_failed(
            fmt::format("the guest waits as it is, and cannot restart: {}\n", ready.error().message()));
    return ready.has_value();
}

bool Restarts::finish() {
    at_stop_ = false;
    const bool stops = stop_asked_ || !is_for_restart(debugger_.guest().stops().last_stop());
    start_anew();
    debugger_.run().start();
    return stops;
}

}  // namespace ringside::debug
