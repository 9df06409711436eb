// What ends a client's step: the action and the RIP of each step.

#include "vmm/debug/run_control/client_action.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringside::debug {
namespace {

constexpr gdbstub::RangeStep kRange{.start = 0x1000, .end = 0x1010};

struct Steps {
    const char* name;
    gdbstub::ResumeAction action;
    std::uint64_t rip;
    // What is right.
    bool continues, ends;
};

class ClientActionTest : public ::testing::TestWithParam<Steps> {};

TEST_P(ClientActionTest, EndsWhereTheClientIsToBeTold) {
    ClientAction action;
    action.set(GetParam().action);
    EXPECT_EQ(action.continues(), GetParam().continues);
    EXPECT_EQ(action.ends_at(GetParam().rip), GetParam().ends);
}

INSTANTIATE_TEST_SUITE_P(Actions, ClientActionTest,
                         ::testing::Values(Steps{"Continue", gdbstub::Continue{}, 0x1000, true, false},
                                           Steps{"Step", gdbstub::Step{}, 0x1000, false, true},
                                           Steps{"BeforeTheRange", kRange, 0xfff, false, true},
                                           Steps{"AtTheRangesStart", kRange, 0x1000, false, false},
                                           Steps{"InTheRange", kRange, 0x100f, false, false},
                                           Steps{"AtTheRangesEnd", kRange, 0x1010, false, true}),
                         [](const auto& row) { return row.param.name; });

TEST(ClientAction, ALongRangeStepLetsInterruptsInForOneStep) {
    ClientAction action;
    action.set(kRange);
    EXPECT_FALSE(action.lets_interrupts_in());
    for (std::uint64_t step = 1; step < ClientAction::kRangePatience; ++step) {
        ASSERT_FALSE(action.ends_at(kRange.start));
        ASSERT_FALSE(action.lets_interrupts_in()) << step;
    }
    EXPECT_FALSE(action.ends_at(kRange.start));
    EXPECT_TRUE(action.lets_interrupts_in());
    EXPECT_FALSE(action.ends_at(kRange.start));
    EXPECT_FALSE(action.lets_interrupts_in());
}

TEST(ClientAction, TheNextResumeCountsFromTheBeginning) {
    ClientAction action;
    for (int resume = 0; resume < 2; ++resume) {
        action.set(kRange);
        for (std::uint64_t step = 1; step < ClientAction::kRangePatience; ++step)
            (void)action.ends_at(kRange.start);
        EXPECT_FALSE(action.lets_interrupts_in());
    }
}

}  // namespace
}  // namespace ringside::debug
