#include "gdbstub/packets/lldb.h"

#include <nlohmann/json.hpp>

#include "gdbstub/packets/bare.h"

namespace ringside::gdbstub::packet {

std::optional<qRegisterInfo> parse_qRegisterInfo(Cursor args) {
    const auto regno = args.take_hex32();
    return regno && args.at_end() ? std::optional(qRegisterInfo{*regno}) : std::nullopt;
}

std::optional<qMemoryRegionInfo> parse_qMemoryRegionInfo(Cursor args) {
    if (args.at_end())
        return qMemoryRegionInfo{};
    args.take(':');
    const auto address = args.take_hex();
    return address && args.at_end() ? std::optional(qMemoryRegionInfo{*address}) : std::nullopt;
}

// LLDB ends it with a colon.
std::optional<qWatchpointSupportInfo> parse_qWatchpointSupportInfo(Cursor args) {
    args.take(':');
    return parse_bare<qWatchpointSupportInfo>(args);
}

std::optional<jMultiBreakpoint> parse_jMultiBreakpoint(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    const auto json = nlohmann::json::parse(args.rest(), nullptr, false);
    if (!json.is_object() || !json.contains("breakpoint_requests"))
        return std::nullopt;
    const auto& requests = json["breakpoint_requests"];
    if (!requests.is_array())
        return std::nullopt;
    jMultiBreakpoint packet;
    for (const auto& request : requests) {
        if (!request.is_string())
            return std::nullopt;
        packet.requests.push_back(request.get<std::string>());
    }
    return packet;
}

}  // namespace ringside::gdbstub::packet
