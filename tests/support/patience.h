// How long a test waits for what will come. A guard against hangs: nothing measures time with it.
#pragma once

#include <chrono>
#include <cstdlib>

namespace ringside::testing {

// RINGSIDE_TEST_TIMEOUT_FACTOR: how many times as long as usual, for sanitizers and slow machines.
inline double patience_factor() {
    const char* text = std::getenv("RINGSIDE_TEST_TIMEOUT_FACTOR");
    const double factor = text != nullptr ? std::strtod(text, nullptr) : 1;
    return factor > 0 ? factor : 1;
}

inline std::chrono::milliseconds patience(std::chrono::seconds usual) {
    return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(
        1000 * static_cast<double>(usual.count()) * patience_factor()));
}

}  // namespace ringside::testing
