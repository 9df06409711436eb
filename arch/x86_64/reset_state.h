// Where a processor begins after a reset (SDM volume 3, table 9-1).
#pragma once

#include <cstdint>

#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

namespace reset {
inline constexpr std::uint16_t kCsSelector = 0xf000;
inline constexpr std::uint64_t kCsBase = 0xffff0000;  // until CS is loaded, not 16 times its selector
inline constexpr std::uint64_t kRip = 0xfff0;
}  // namespace reset

// Returns true if the processor is at its first instruction after a reset.
inline bool at_reset_vector(const GeneralRegisters& general, const SystemRegisters& system) {
    return general.rip == reset::kRip && system.cs.base == reset::kCsBase;
}

}  // namespace ringside::x86
