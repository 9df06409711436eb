// LLDB's extensions to the protocol (lldb/docs/resources/lldbgdbremote.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gdbstub/cursor.h"
#include "gdbstub/target.h"

namespace ringside::gdbstub::packet {

struct QThreadSuffixSupported {};
struct QListThreadsInStopReply {};
struct QEnableErrorStrings {};
struct qHostInfo {};
struct qProcessInfo {};
struct qRegisterInfo {
    std::uint32_t regno = 0;
};
struct qMemoryRegionInfo {
    std::optional<Address> address;  // none: the client only asks if the packet is supported
};
struct qWatchpointSupportInfo {};
struct jThreadsInfo {};
struct jAddressSpacesInfo {};
// Several breakpoints at once.
struct jMultiBreakpoint {
    std::vector<std::string> requests;  // each a Z or z packet
};

std::optional<qRegisterInfo> parse_qRegisterInfo(Cursor args);
std::optional<qMemoryRegionInfo> parse_qMemoryRegionInfo(Cursor args);
std::optional<qWatchpointSupportInfo> parse_qWatchpointSupportInfo(Cursor args);
// `:{"breakpoint_requests": ["Z0,...", ...]}`
std::optional<jMultiBreakpoint> parse_jMultiBreakpoint(Cursor args);

}  // namespace ringside::gdbstub::packet
