// The parser of every packet that consists of its name.
#pragma once

#include <optional>

#include "gdbstub/cursor.h"

namespace ringside::gdbstub::packet {

template <typename Packet>
std::optional<Packet> parse_bare(Cursor args) {
    return args.at_end() ? std::optional(Packet{}) : std::nullopt;
}

}  // namespace ringside::gdbstub::packet
