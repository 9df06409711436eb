#include "vmm/debug/run_control/guest_stops.h"

#include <fmt/format.h>

#include "vmm/base/text.h"
#include "vmm/kvm/in_kernel_ports.h"

namespace ringside::debug {

namespace {

constexpr std::string_view kPort = "port:";
constexpr const char* kWanted = "it must be int3, xchg or port:NUMBER, several separated by commas, or off";

Result<std::uint16_t> parse_port(std::string_view text) {
    const auto port = parse_number(text);
    if (!port || *port > 0xffff)
        return failure("guest stops", fmt::format("\"{}\" is not a port", text));
    return static_cast<std::uint16_t>(*port);
}

}  // namespace

Result<GuestStops> parse_guest_stops(std::string_view text) {
    GuestStops stops;
    if (text == "off")
        return stops;
    for (;;) {
        const auto comma = text.find(',');
        const std::string_view word = text.substr(0, comma);
        if (word == "int3")
            stops.int3 = true;
        else if (word == "xchg")
            stops.exchange = true;
        else if (word.starts_with(kPort))
            stops.port = TRY(parse_port(word.substr(kPort.size())));
        else
            return failure("guest stops", kWanted);
        if (comma == std::string_view::npos)
            return stops;
        text.remove_prefix(comma + 1);
    }
}

std::string to_string(const GuestStops& stops) {
    std::string text = stops.int3 ? "int3" : "";
    if (stops.exchange)
        text += text.empty() ? "xchg" : ",xchg";
    if (stops.port)
        text += fmt::format("{}{}{:#x}", text.empty() ? "" : ",", kPort, *stops.port);
    return text.empty() ? "off" : text;
}

Result<void> check_guest_stops(const GuestStops& stops, const HostAbilities& host) {
    const auto unseen = [](Int3 int3) { return int3 == Int3::GoesToGuest; };
    if (stops.int3 && unseen(host.int3_real) && unseen(host.int3_protected) && unseen(host.int3_long))
        return failure("stop at the guest's int3", "this host's KVM gives them to the guest and reports none",
                       "Use xchg or a port");
    if (stops.exchange && !host.step_real && !host.step_long)
        return failure("stop at xchg %bx,%bx", "this host's KVM cannot single-step", "Use a port");
    if (stops.port && kvm::is_in_kernel_port(*stops.port))
        return failure(fmt::format("stop at writes to port {:#x}", *stops.port),
                       "KVM has the device that is there, and reports no access", "Use another port");
    return {};
}

std::string unseen_int3s(const HostAbilities& host) {
    std::string modes;
    const auto add = [&modes](Int3 int3, const char* mode) {
        if (int3 == Int3::GoesToGuest)
            modes += modes.empty() ? mode : std::string(", ") + mode;
    };
    add(host.int3_real, "real mode");
    add(host.int3_protected, "protected mode");
    add(host.int3_long, "long mode");
    add(host.int3_user, "user code");
    return modes;
}

}  // namespace ringside::debug
