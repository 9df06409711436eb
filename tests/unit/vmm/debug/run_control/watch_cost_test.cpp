#include "vmm/debug/run_control/watch_cost.h"

#include <gtest/gtest.h>

namespace ringside::debug {
namespace {

using Verdict = WatchCost::Verdict;

class WatchCostTest : public ::testing::Test {
  protected:
    // Protection lets writes pass, so many ticks apart, until stepping is tried. Returns how many.
    unsigned until_trial(std::uint64_t apart) {
        for (unsigned writes = 1;; ++writes, now += apart) {
            if (cost.after_write(now) == Verdict::TryStepping) {
                cost.try_stepping(now);
                return writes;
            }
        }
    }
    // Steps of one tick each, of which one in `rarely` writes, until there is a verdict.
    Verdict stepped(unsigned rarely) {
        for (unsigned step = 1;; ++step) {
            const auto verdict = cost.after_step(++now, step % rarely == 0);
            if (verdict != Verdict::KeepOn)
                return verdict;
        }
    }
    WatchCost cost;
    std::uint64_t now = 1000;
};

TEST_F(WatchCostTest, SteppingIsTriedAfterManyWrites) {
    EXPECT_EQ(until_trial(10), WatchCost::kWritesMeasured + 1);
    EXPECT_TRUE(cost.trying());
}

TEST_F(WatchCostTest, SteppingWinsWhereItReachesAsManyWritesInLessTime) {
    until_trial(10);
    EXPECT_EQ(stepped(9), Verdict::Stepping);
}

TEST_F(WatchCostTest, ProtectionWinsWhereItDoesNot) {
    until_trial(10);
    EXPECT_EQ(stepped(11), Verdict::Protection);
}

TEST_F(WatchCostTest, ATrialEndsWithoutAnyWrite) {
    until_trial(10);
    EXPECT_EQ(stepped(1'000'000), Verdict::Protection);
}

TEST_F(WatchCostTest, TheNextTrialComesLater) {
    until_trial(10);
    stepped(1'000'000);
    cost.protect();
    EXPECT_FALSE(cost.trying());
    EXPECT_EQ(until_trial(10), WatchCost::kTrialsApart * WatchCost::kWritesMeasured + 1);
}

}  // namespace
}  // namespace ringside::debug
