#include "gdbstub/packets/breakpoints.h"

#include "gdbstub/hex.h"

namespace ringside::gdbstub::packet {
namespace {

std::optional<z> take_place(Cursor& args) {
    const auto type = args.take_hex();
    if (!type || !args.take(','))
        return std::nullopt;
    const auto address = args.take_hex();
    if (!address || !args.take(','))
        return std::nullopt;
    const auto size = args.take_hex();
    if (!size)
        return std::nullopt;
    z place{std::nullopt, *address, *size};
    if (*type <= static_cast<std::uint64_t>(BreakpointKind::AccessWatch))
        place.kind = static_cast<BreakpointKind>(*type);
    return place;
}

// `X<len>,<hex>`, any number of times; false if one is incomplete.
bool take_expressions(Cursor& args, std::vector<std::vector<std::byte>>& expressions) {
    while (args.take('X')) {
        const auto length = args.take_hex();
        if (!length || !args.take(',') || *length > args.rest().size() / 2)
            return false;
        const auto digits = args.take_exactly(*length * 2);
        if (!digits || !decode_hex(*digits, expressions.emplace_back()))
            return false;
    }
    return true;
}

}  // namespace

std::optional<Z> parse_Z(Cursor args) {
    const auto place = take_place(args);
    if (!place)
        return std::nullopt;
    Z packet;
    packet.kind = place->kind;
    packet.request.kind = place->kind.value_or(BreakpointKind::Software);
    packet.request.address = place->address;
    packet.request.size = place->size;
    while (args.take(';')) {
        if (!args.take("cmds:")) {
            if (!take_expressions(args, packet.request.conditions))
                return std::nullopt;
            continue;
        }
        const auto persist = args.take_hex();
        if (!persist || !args.take(',') || !take_expressions(args, packet.request.commands))
            return std::nullopt;
        packet.request.persist = *persist != 0;
    }
    if (!args.at_end())
        return std::nullopt;
    return packet;
}

std::optional<z> parse_z(Cursor args) {
    const auto place = take_place(args);
    return place && args.at_end() ? place : std::nullopt;
}

}  // namespace ringside::gdbstub::packet
