// Packets that open the conversation, ask for documents, and talk to the user.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "gdbstub/cursor.h"

namespace ringside::gdbstub::packet {

struct ExtendedMode {};  // `!`
struct QStartNoAckMode {};
struct qSupported {
    std::string_view features;  // "swbreak+;hwbreak+;..."
};
struct qXfer {
    bool read = true;  // otherwise an operation that no object supports: "write", or one of a later protocol
    std::string_view object;
    std::string_view annex;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};
struct qRcmd {
    std::string_view hex;
};
struct qAttached {};
struct qSymbol {};
struct qOffsets {};
struct vMustReplyEmpty {};
struct QThreadEvents {};

// QEMU's packets. Scripts written for QEMU's stub use them to recognize a whole machine.
struct qqemu_sstepbits {};
struct qqemu_sstep {};
struct Qqemu_sstep {
    std::uint64_t flags = 0;
};
struct qqemu_PhyMemMode {};
struct Qqemu_PhyMemMode {
    bool on = false;
};

std::optional<qSupported> parse_qSupported(Cursor args);
std::optional<qXfer> parse_qXfer(Cursor args);
std::optional<qRcmd> parse_qRcmd(Cursor args);
std::optional<qAttached> parse_qAttached(Cursor args);
std::optional<qSymbol> parse_qSymbol(Cursor args);
std::optional<vMustReplyEmpty> parse_vMustReplyEmpty(Cursor args);
std::optional<QThreadEvents> parse_QThreadEvents(Cursor args);
std::optional<Qqemu_sstep> parse_Qqemu_sstep(Cursor args);
std::optional<Qqemu_PhyMemMode> parse_Qqemu_PhyMemMode(Cursor args);

}  // namespace ringside::gdbstub::packet
