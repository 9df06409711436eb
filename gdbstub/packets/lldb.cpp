#include "gdbstub/packets/lldb.h"

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

}  // namespace ringside::gdbstub::packet
