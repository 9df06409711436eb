#include <fmt/format.h>

#include "vmm/debug/monitor/act_commands.h"

namespace ringside::debug {

namespace {

// What the user should know of the choice.
std::string remarks(const GuestStops& stops, const HostAbilities& host) {
    std::string text;
    const std::string unseen = stops.int3 ? unseen_int3s(host) : std::string();
    if (!unseen.empty())
        text += fmt::format("This host's KVM reports no int3 in: {}.\n", unseen);
    if (stops.exchange)
        text += "The guest is single-stepped to find xchg %bx,%bx, and runs slowly.\n";
    return text;
}

std::string guest_stop(Debugger& debugger, std::string_view rest) {
    if (!rest.empty()) {
        const auto stops = parse_guest_stops(rest);
        if (!stops)
            return stops.error().message() + "\n";
        if (const auto done = debugger.guest().set_guest_stops(*stops); !done)
            return done.error().message() + "\n";
    }
    const GuestStops& stops = debugger.guest().context().guest_stops;
    if (!stops.any())
        return "The guest cannot ask to stop.\n";
    const auto host = debugger.guest().abilities();
    return fmt::format("The guest may ask to stop with: {}\n{}", to_string(stops),
                       host ? remarks(stops, *host) : host.error().message() + "\n");
}

}  // namespace

void add_guest_stop_command(MonitorRegistry& registry, Debugger& debugger) {
    registry.add(
        {"guest-stop", "[int3|xchg|port:NUMBER,...|off]",
         "where the guest itself may ask to stop: at its int3, at xchg %bx,%bx, at a write to a port",
         [&](auto, auto rest) { return guest_stop(debugger, rest); }});
}

}  // namespace ringside::debug
