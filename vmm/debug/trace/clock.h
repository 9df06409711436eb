#pragma once

#include <chrono>
#include <cstdint>

namespace ringside::debug {

// Since 1970, for the times of an experiment that gdb shows.
inline std::uint64_t microseconds_now() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

}  // namespace ringside::debug
