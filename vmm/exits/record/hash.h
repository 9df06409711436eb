// Scatters keys over a table.
#pragma once

#include <cstdint>

namespace ringside::exits {

// The finaliser of SplitMix64: every input bit changes every output bit with even odds.
inline std::uint64_t mix(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

}  // namespace ringside::exits
