// LLDB's extensions to the protocol (lldb/docs/lldb-gdb-remote.txt).
#pragma once

#include <cstdint>
#include <optional>

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
    std::optional<Address> address;  // none: only asks whether the packet is known
};
struct qWatchpointSupportInfo {};
struct jThreadsInfo {};

std::optional<QThreadSuffixSupported> parse_QThreadSuffixSupported(Cursor args);
std::optional<QListThreadsInStopReply> parse_QListThreadsInStopReply(Cursor args);
std::optional<QEnableErrorStrings> parse_QEnableErrorStrings(Cursor args);
std::optional<qHostInfo> parse_qHostInfo(Cursor args);
std::optional<qProcessInfo> parse_qProcessInfo(Cursor args);
std::optional<qRegisterInfo> parse_qRegisterInfo(Cursor args);
std::optional<qMemoryRegionInfo> parse_qMemoryRegionInfo(Cursor args);
std::optional<qWatchpointSupportInfo> parse_qWatchpointSupportInfo(Cursor args);
std::optional<jThreadsInfo> parse_jThreadsInfo(Cursor args);

}  // namespace ringside::gdbstub::packet
