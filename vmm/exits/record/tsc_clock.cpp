#include "vmm/exits/record/tsc_clock.h"

#include <ctime>
#include <limits>

namespace ringside::exits {
namespace {

std::uint64_t monotonic_raw() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

ClockSample sample_clocks() {
    constexpr int kAttempts = 8;
    ClockSample best;
    std::uint64_t smallest_gap = std::numeric_limits<std::uint64_t>::max();
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        const std::uint64_t before = read_tsc();
        const std::uint64_t nanoseconds = monotonic_raw();
        const std::uint64_t gap = read_tsc() - before;
        if (gap < smallest_gap) {
            smallest_gap = gap;
            best = {before + gap / 2, nanoseconds};
        }
    }
    return best;
}

TickRate rate_between(const ClockSample& from, const ClockSample& to) {
    if (to.ticks <= from.ticks || to.nanoseconds <= from.nanoseconds)
        return {};
    return {static_cast<double>(to.nanoseconds - from.nanoseconds) /
            static_cast<double>(to.ticks - from.ticks)};
}

}  // namespace ringside::exits
