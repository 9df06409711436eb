#include "gdbstub/packets/queries.h"

#include "gdbstub/packets/bare.h"

namespace ringside::gdbstub::packet {
namespace {

// ":0" or ":1"
std::optional<bool> parse_switch(Cursor args) {
    if (args.rest() != ":0" && args.rest() != ":1")
        return std::nullopt;
    return args.rest() == ":1";
}

}  // namespace

std::optional<ExtendedMode> parse_ExtendedMode(Cursor args) {
    return parse_bare<ExtendedMode>(args);
}

std::optional<QStartNoAckMode> parse_QStartNoAckMode(Cursor args) {
    return parse_bare<QStartNoAckMode>(args);
}

std::optional<qSupported> parse_qSupported(Cursor args) {
    if (!args.at_end() && !args.take(':'))
        return std::nullopt;
    return qSupported{args.rest()};
}

// `:OBJECT:read:ANNEX:OFFSET,LENGTH`. An annex has no colon in it.
std::optional<qXfer> parse_qXfer(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    qXfer packet;
    packet.object = args.take_until(':');
    if (!args.take("read:"))
        return std::nullopt;
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

// With `:PID` from a client that knows of several processes.
std::optional<qAttached> parse_qAttached(Cursor args) {
    if (!args.at_end() && (!args.take(':') || !args.take_hex() || !args.at_end()))
        return std::nullopt;
    return qAttached{};
}

std::optional<qSymbol> parse_qSymbol(Cursor args) {
    return args.take(':') ? std::optional(qSymbol{}) : std::nullopt;
}

std::optional<qOffsets> parse_qOffsets(Cursor args) {
    return parse_bare<qOffsets>(args);
}

// With anything behind it: the point of the packet is that nobody knows it.
std::optional<vMustReplyEmpty> parse_vMustReplyEmpty(Cursor) {
    return vMustReplyEmpty{};
}

std::optional<QThreadEvents> parse_QThreadEvents(Cursor args) {
    return parse_switch(args) ? std::optional(QThreadEvents{}) : std::nullopt;
}

std::optional<qqemu_sstepbits> parse_qqemu_sstepbits(Cursor args) {
    return parse_bare<qqemu_sstepbits>(args);
}

std::optional<qqemu_sstep> parse_qqemu_sstep(Cursor args) {
    return parse_bare<qqemu_sstep>(args);
}

std::optional<Qqemu_sstep> parse_Qqemu_sstep(Cursor args) {
    if (!args.take('='))
        return std::nullopt;
    const auto flags = args.take_hex();
    return flags && args.at_end() ? std::optional(Qqemu_sstep{*flags}) : std::nullopt;
}

std::optional<qqemu_PhyMemMode> parse_qqemu_PhyMemMode(Cursor args) {
    return parse_bare<qqemu_PhyMemMode>(args);
}

std::optional<Qqemu_PhyMemMode> parse_Qqemu_PhyMemMode(Cursor args) {
    const auto on = parse_switch(args);
    return on ? std::optional(Qqemu_PhyMemMode{*on}) : std::nullopt;
}

}  // namespace ringside::gdbstub::packet
