#include "gdbstub/packets/memory.h"

#include "gdbstub/thread_selector.h"

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

// The suffixes of LLDB's reads, up to the end. None of the address spaces depends on the thread.
std::optional<std::uint64_t> take_space(Cursor& args) {
    std::uint64_t space = kDefaultSpace;
    while (args.take(';') && !args.at_end()) {
        if (args.take("thread:")) {
            if (!take_thread(args))
                return std::nullopt;
            continue;
        }
        const auto number = args.take("address_space:") ? args.take_hex() : std::nullopt;
        if (!number)
            return std::nullopt;
        space = *number;
    }
    return args.at_end() ? std::optional(space) : std::nullopt;
}

template <typename Read>
std::optional<Read> parse_read(Cursor args) {
    const auto range = take_range(args);
    const auto space = range ? take_space(args) : std::nullopt;
    return space ? std::optional(Read{range->address, range->length, *space}) : std::nullopt;
}

}  // namespace

std::optional<m> parse_m(Cursor args) {
    return parse_read<m>(args);
}

std::optional<x> parse_x(Cursor args) {
    return parse_read<x>(args);
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
