// An exit in seven words: how it lies in rings and in trace files.
#pragma once

#include <array>
#include <cstdint>

#include "vmm/exits/exit_record.h"

namespace ringside::exits {

// entered, exited, handled, rip, kind, address, value; `kind` holds the reason in bits 0-31, the count in
// 32-47, the size in 48-55 and the direction in 56-63.
using PackedExit = std::array<std::uint64_t, 7>;

inline PackedExit pack(const ExitRecord& exit) {
    const std::uint64_t kind = std::uint64_t{exit.reason} | std::uint64_t{exit.count} << 32 |
                               std::uint64_t{exit.size} << 48 |
                               std::uint64_t{static_cast<std::uint8_t>(exit.direction)} << 56;
    return {exit.entered, exit.exited, exit.handled, exit.rip, kind, exit.address, exit.value};
}

// The words may come from a damaged file: any of them gives a valid record.
inline ExitRecord unpack(const PackedExit& words) {
    ExitRecord exit;
    exit.entered = words[0];
    exit.exited = words[1];
    exit.handled = words[2];
    exit.rip = words[3];
    exit.reason = static_cast<std::uint32_t>(words[4]);
    exit.count = static_cast<std::uint16_t>(words[4] >> 32);
    exit.size = static_cast<std::uint8_t>(words[4] >> 48);
    const auto direction = static_cast<std::uint8_t>(words[4] >> 56);
    exit.direction = direction <= static_cast<std::uint8_t>(Direction::Write)
                         ? static_cast<Direction>(direction)
                         : Direction::None;
    exit.address = words[5];
    exit.value = words[6];
    return exit;
}

}  // namespace ringside::exits
