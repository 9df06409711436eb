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

Result<std::string> guest_stop(Debugger& debugger, std::string_view rest) {
    const auto host = TRY(debugger.guest().abilities());
    if (!rest.empty()) {
        const auto stops = TRY(parse_guest_stops(rest));
        TRY(debugger.guest().set_guest_stops(stops));
    }
    const GuestStops& stops = debugger.guest().context().guest_stops;
    if (!stops.any())
        return std::string("The guest cannot ask to stop.\n");
    return fmt::format("The guest may ask to stop with: {}\n{}", to_string(stops), remarks(stops, host));
}

}  // namespace

void add_guest_stop_command(MonitorRegistry& registry, Debugger& debugger) {
    registry.add(
        {"guest-stop", "[int3|xchg|port:NUMBER,...|off]",
         "where the guest itself may ask to stop: at its int3, at xchg %bx,%bx, at a write to a port",
         [&](auto, auto rest) { return guest_stop(debugger, rest); }});
}

}  // namespace ringside::debug
