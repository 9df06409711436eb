#include "vmm/debug/target/clients.h"

#include <utility>

#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

void Clients::kill() {
    if (debugger_.options().on_disconnect == OnDisconnect::Restart)
        leave(OnDisconnect::Restart);
    else
        owner_.on_quit();
}

void Clients::attach() {
    presence_.attach();
    (void)debugger_.guest().abilities();  // a failure shows again, with its reason, at the first breakpoint
    if (!debugger_.stopped()) {
        debugger_.restarts().note_stop_asked();
        debugger_.guest().stops().interrupt(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false});
        return;
    }
    renew();
    greet();
    if (debugger_.time_travel().travelling())
        debugger_.time_travel().interrupt();
}

// After a detach the guest runs on: the policy is only for lost connections.
void Clients::detach() {
    const bool restarts = debugger_.options().on_disconnect == OnDisconnect::Restart;
    leave(restarts ? OnDisconnect::Restart : OnDisconnect::Resume);
}

void Clients::lost() {
    if (presence_.attached())
        leave(debugger_.options().on_disconnect);
}

void Clients::leave(OnDisconnect then) {
    auto& guest = debugger_.guest();
    guest.stops().set_non_stop(false);
    if (debugger_.run().over() && then != OnDisconnect::Restart) {
        presence_.depart_from_end();
        owner_.on_ended_and_left();
        return;
    }
    if (debugger_.run().over() && guest.stops().stopped())
        (void)guest.take_stop();
    if (then == OnDisconnect::Quit) {
        owner_.on_quit();
        return;
    }
    if (debugger_.stopped()) {
        let_go(then);
        return;
    }
    presence_.leave_at_stop(then);
    guest.stops().interrupt(gdbstub::StoppedByInterrupt{});
}

void Clients::let_go() {
    if (const auto then = presence_.leaving())
        let_go(*then);
}

void Clients::let_go(OnDisconnect then) {
    presence_.depart();
    debugger_.forget_client();
    if (then == OnDisconnect::Restart)
        unused_ = debugger_.restarts().wait_anew() ? Unused::AtStart : Unused::Old;
    else if (then == OnDisconnect::Resume && !presence_.attached())
        debugger_.resume_everything();
}

// The kernel may have been built since the guest was restarted for the next client.
void Clients::renew() {
    const Unused unused = std::exchange(unused_, Unused::No);
    if (unused == Unused::No || (unused == Unused::AtStart && !owner_.files_changed()))
        return;
    debugger_.time_travel().client_left(false);
    debugger_.restarts().wait_anew();
}

void Clients::greet() {
    if (!presence_.greet())
        return;
    auto& guest = debugger_.guest();
    guest.remove_breakpoints();  // of the last client
    const auto& stops = debugger_.options().guest_stops;
    if (!stops.any())
        return;
    const auto done = guest.set_guest_stops(stops);
    if (done)
        return;
    owner_.on_notice(done.error().message());
    owner_.on_console(done.error().message() + "\n");
}

void Clients::note_at_start() {
    if (debugger_.options().on_disconnect == OnDisconnect::Restart)
        unused_ = Unused::AtStart;
}

}  // namespace ringside::debug
