#include "gdbstub/packets/memory.h"

namespace ringside::gdbstub::packet {
namespace {

// "ADDR,LEN", or with another character between.
std::optional<MemoryRange> take_range(Cursor& args, char separator = ',') {
    const auto address = args.take_hex();
    if (!address || !args.take(separator))
        return std::nullopt;
    const auto length = args.take_hex();
    if (!length)
        return std::nullopt;
    return MemoryRange{*address, *length};
}

std::optional<MemoryRange> parse_range(Cursor args) {
    const auto range = take_range(args);
    return range && args.at_end() ? range : std::nullopt;
}

}  // namespace

std::optional<m> parse_m(Cursor args) {
    const auto range = parse_range(args);
    if (!range)
        return std::nullopt;
    return m{range->address, range->length};
}

std::optional<x> parse_x(Cursor args) {
    const auto range = parse_range(args);
    if (!range)
        return std::nullopt;
    return x{range->address, range->length};
}

std::optional<M> parse_M(Cursor args) {
    const auto range = take_range(args);
    if (!range || !args.take(':') || args.rest().size() % 2 != 0 || args.rest().size() / 2 != range->length)
        return std::nullopt;
    return M{range->address, args.rest()};
}

std::optional<X> parse_X(Cursor args) {
    const auto range = take_range(args);
    if (!range || !args.take(':') || args.rest().size() != range->length)
        return std::nullopt;
    return X{range->address, args.rest()};
}

std::optional<MultiMemRead> parse_MultiMemRead(Cursor args) {
    if (!args.take(":ranges:"))
        return std::nullopt;
    MultiMemRead packet;
    do {
        const auto range = take_range(args);
        if (!range)
            return std::nullopt;
        packet.ranges.push_back(*range);
    } while (args.take(','));
    if (!args.take(';') || !args.at_end())
        return std::nullopt;
    return packet;
}

std::optional<qSearch_memory> parse_qSearch_memory(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    const auto range = take_range(args, ';');
    if (!range || !args.take(';') || args.at_end())
        return std::nullopt;
    return qSearch_memory{range->address, range->length, args.rest()};
}

std::optional<qCRC> parse_qCRC(Cursor args) {
    if (!args.take(':'))
        return std::nullopt;
    const auto range = parse_range(args);
    if (!range)
        return std::nullopt;
    return qCRC{range->address, range->length};
}

}  // namespace ringside::gdbstub::packet
