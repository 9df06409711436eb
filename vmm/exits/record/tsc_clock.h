// The host's time-stamp counter as a clock: read in a few nanoseconds, converted to time only when shown.
//
// The rate is found without waiting: the counter and CLOCK_MONOTONIC_RAW are read together when the clock is
// made and again when a conversion is asked for, so the longer a recording the better its rate. (SDM volume
// 3, 17.17: the counter is invariant on every processor with KVM that matters here.)
#pragma once

#include <cstdint>

namespace ringside::exits {

// The compiler's header for this includes those of all vector instructions: 60,000 lines in each file that times an exit.
inline std::uint64_t read_tsc() {
    return __builtin_ia32_rdtsc();
}

// Ticks of one clock as nanoseconds. Also says "these ticks are nanoseconds already" (the default), which is
// what the kernel's tracepoints count in.
struct TickRate {
    double nanoseconds_per_tick = 1.0;

    double nanoseconds(std::uint64_t ticks) const {
        return static_cast<double>(ticks) * nanoseconds_per_tick;
    }
    friend bool operator==(const TickRate&, const TickRate&) = default;
};

// Both clocks at (nearly) one moment.
struct ClockSample {
    std::uint64_t ticks = 0;
    std::uint64_t nanoseconds = 0;  // CLOCK_MONOTONIC_RAW
};

// Reads both clocks; of a few attempts, the one that was interrupted least.
ClockSample sample_clocks();

// The rate between two samples; one tick is one nanosecond if either clock did not advance.
TickRate rate_between(const ClockSample& from, const ClockSample& to);

class TscClock {
  public:
    TscClock() : start_(sample_clocks()) {}

    const ClockSample& start() const { return start_; }
    // The rate as measured from the clock's making until now.
    TickRate rate() const { return rate_between(start_, sample_clocks()); }

  private:
    ClockSample start_;
};

}  // namespace ringside::exits
