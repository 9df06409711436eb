// A client attaches and leaves, and what the guest does then.

#include <utility>

#include "vmm/debug/target/debugger.h"
#include "vmm/debug/trace/tracing.h"

namespace ringside::debug {

void Debugger::kill() {
    if (options_.on_disconnect == OnDisconnect::Restart)
        leave(OnDisconnect::Restart);
    else
        owner_.on_quit();
}

void Debugger::attach() {
    client_.attach();
    (void)guest_->abilities();  // a failure shows again, with its reason, at the first breakpoint
    if (!stopped()) {
        stop_asked_ = true;
        guest_->stops().interrupt(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false});
        return;
    }
    renew_for_client();
    greet_client();
    if (time_travel_->travelling())
        time_travel_->interrupt();
}

// After a detach the guest runs on: the policy is only for lost connections.
void Debugger::detach() {
    const bool restarts = options_.on_disconnect == OnDisconnect::Restart;
    leave(restarts ? OnDisconnect::Restart : OnDisconnect::Resume);
}

void Debugger::client_lost() {
    if (client_.attached())
        leave(options_.on_disconnect);
}

void Debugger::leave(OnDisconnect then) {
    guest_->stops().set_non_stop(false);
    if (ended_ && then != OnDisconnect::Restart) {
        client_.depart_from_end();
        owner_.on_ended_and_left();
        return;
    }
    if (ended_ && guest_->stops().stopped())
        (void)guest_->take_stop();
    if (then == OnDisconnect::Quit) {
        owner_.on_quit();
        return;
    }
    if (stopped()) {
        let_go(then);
        return;
    }
    client_.leave_at_stop(then);
    guest_->stops().interrupt(gdbstub::StoppedByInterrupt{});
}

// The client has left and the guest is stopped. Removes everything of the debugger's from the guest.
void Debugger::let_go(OnDisconnect then) {
    client_.depart();
    time_travel_->client_left(options_.keep_recording);
    tracing_->client_left();
    guest_->forget_client();
    notices_.forget_client();
    owner_.on_client_gone();
    memory_access_->set_physical_mode(false);
    if (then == OnDisconnect::Restart)
        unused_ = wait_anew() ? Unused::AtStart : Unused::Old;
    else if (then == OnDisconnect::Resume && !client_.attached())
        resume_everything();
}

// The kernel may have been built since the guest was restarted for the next client.
void Debugger::renew_for_client() {
    const Unused unused = std::exchange(unused_, Unused::No);
    if (unused == Unused::No || (unused == Unused::AtStart && !owner_.files_changed()))
        return;
    time_travel_->client_left(false);
    wait_anew();
}

// A client has attached, and the guest is stopped for it.
void Debugger::greet_client() {
    if (!client_.greet())
        return;
    guest_->remove_breakpoints();  // of the last client
    if (!options_.guest_stops.any())
        return;
    const auto done = guest_->set_guest_stops(options_.guest_stops);
    if (done)
        return;
    owner_.on_notice(done.error().message());
    owner_.on_console(done.error().message() + "\n");
}

}  // namespace ringside::debug
