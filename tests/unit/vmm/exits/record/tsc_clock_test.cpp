#include "vmm/exits/record/tsc_clock.h"

#include <gtest/gtest.h>

namespace ringside::exits {
namespace {

TEST(TscClock, RateComesFromTwoSamples) {
    const TickRate rate = rate_between({1000, 500}, {4000, 1500});
    EXPECT_DOUBLE_EQ(rate.nanoseconds_per_tick, 1.0 / 3.0);
    EXPECT_DOUBLE_EQ(rate.nanoseconds(300), 100.0);
}

TEST(TscClock, ClocksThatStandStillCountNanoseconds) {
    EXPECT_EQ(rate_between({1000, 500}, {1000, 900}), TickRate{});
    EXPECT_EQ(rate_between({1000, 500}, {2000, 500}), TickRate{});
    EXPECT_EQ(rate_between({1000, 500}, {900, 400}), TickRate{});
}

TEST(TscClock, BothClocksAdvance) {
    const TscClock clock;
    ClockSample later = sample_clocks();
    while (later.nanoseconds == clock.start().nanoseconds)
        later = sample_clocks();
    EXPECT_GT(later.ticks, clock.start().ticks);
    EXPECT_GT(clock.rate().nanoseconds_per_tick, 0.0);
}

}  // namespace
}  // namespace ringside::exits
