// A stop reply, taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringside::conformance {

inline constexpr unsigned kSignalInterrupt = 2;
inline constexpr unsigned kSignalTrap = 5;
inline constexpr unsigned kSignalSegmentFault = 11;

struct Stop {
    bool exited = false;
    unsigned code = 0;          // the signal, or the status of a guest that has exited
    unsigned thread = 0;        // from 1
    std::string reason;         // "swbreak", "hwbreak", "watch", "rwatch", "awatch" or empty
    std::uint64_t address = 0;  // of a watchpoint

    // Throws Mismatch for anything but T and W packets.
    static Stop parse(std::string_view reply);
    // "signal 5, swbreak"
    std::string describe() const;
};

}  // namespace ringside::conformance
