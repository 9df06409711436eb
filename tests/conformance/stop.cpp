#include "tests/conformance/stop.h"

#include "tests/conformance/mismatch.h"

namespace ringside::conformance {

namespace {

std::uint64_t hex(std::string_view text) {
    return std::stoull(std::string(text), nullptr, 16);
}

// One `name:value` of a T packet.
void take(Stop& stop, std::string_view name, std::string_view value) {
    if (name == "thread") {
        stop.thread = static_cast<unsigned>(hex(value));
    } else if (name == "swbreak" || name == "hwbreak") {
        stop.reason = name;
    } else if (name == "watch" || name == "rwatch" || name == "awatch") {
        stop.reason = name;
        stop.address = hex(value);
    }
}

}  // namespace

Stop Stop::parse(std::string_view reply) {
    require(reply.size() >= 3 && (reply[0] == 'T' || reply[0] == 'W'), "'{}' is no stop reply", reply);
    Stop stop;
    stop.exited = reply[0] == 'W';
    stop.code = static_cast<unsigned>(hex(reply.substr(1, 2)));
    reply.remove_prefix(3);
    while (!stop.exited && !reply.empty()) {
        const auto pair = reply.substr(0, reply.find(';'));
        const auto colon = pair.find(':');
        if (colon != std::string_view::npos)
            take(stop, pair.substr(0, colon), pair.substr(colon + 1));
        reply.remove_prefix(std::min(reply.size(), pair.size() + 1));
    }
    return stop;
}

std::string Stop::describe() const {
    if (exited)
        return fmt::format("the guest's exit with status {}", code);
    return fmt::format("signal {}{}{}", code, reason.empty() ? "" : ", ", reason);
}

}  // namespace ringside::conformance
