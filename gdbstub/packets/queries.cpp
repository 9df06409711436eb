#include "gdbstub/packets/queries.h"

namespace ringside::gdbstub::packet {
namespace {

// ":0" or ":1"
std::optional<bool> parse_switch(Cursor args) {
    if (args.rest() != ":0" && args.rest() != ":1")
        return std::nullopt;
    return args.rest() == ":1";
}

}  // namespace

std::optional<qSupported> parse_qSupported(Cursor args) {
    if (!args.at_end() && !args.take(':'))
        return std::nullopt;
    return qSupported{args.rest()};
}

// `:OBJECT:read:ANNEX:OFFSET,LENGTH`. An annex contains no colon. For another operation the rest is not
// parsed: the packet as a whole is not supported.
std::optional<qXfer> parse_qXfer(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    qXfer packet;
    packet.object = args.take_until(':');
    packet.read = args.take("read:");
    if (!packet.read)
        return args.take_until(':').empty() ? std::nullopt : std::optional(packet);
    packet.annex = args.take_until(':');
    const auto offset = args.take_hex();
    if (!offset || !args.take(','))
        return std::nullopt;
    const auto length = args.take_hex();
    if (!length || !args.at_end())
        return std::nullopt;
    packet.offset = *offset;
    packet.length = *length;
    return packet;
}

std::optional<qRcmd> parse_qRcmd(Cursor args) {
    if (!args.take(','))
        return std::nullopt;
    return qRcmd{args.rest()};
}

// With `:PID` from a client that supports several processes.
std::optional<qAttached> parse_qAttached(Cursor args) {
    if (!args.at_end() && (!args.take(':') || !args.take_hex() || !args.at_end()))
        return std::nullopt;
    return qAttached{};
}

std::optional<qSymbol> parse_qSymbol(Cursor args) {
    return args.take(':') ? std::optional(qSymbol{}) : std::nullopt;
}

// Any arguments are accepted: the packet exists to get the empty reply.
std::optional<vMustReplyEmpty> parse_vMustReplyEmpty(Cursor) {
    return vMustReplyEmpty{};
}

std::optional<QThreadEvents> parse_QThreadEvents(Cursor args) {
    return parse_switch(args) ? std::optional(QThreadEvents{}) : std::nullopt;
}

// `=FLAGS`, in hexadecimal with or without "0x", as in QEMU's manual.
std::optional<Qqemu_sstep> parse_Qqemu_sstep(Cursor args) {
    if (!args.take('='))
        return std::nullopt;
    args.take("0x");
    const auto flags = args.take_hex();
    return flags && args.at_end() ? std::optional(Qqemu_sstep{*flags}) : std::nullopt;
}

std::optional<Qqemu_PhyMemMode> parse_Qqemu_PhyMemMode(Cursor args) {
    const auto on = parse_switch(args);
    return on ? std::optional(Qqemu_PhyMemMode{*on}) : std::nullopt;
}

}  // namespace ringside::gdbstub::packet
