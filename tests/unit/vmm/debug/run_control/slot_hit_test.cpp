// Which of several slots that hit at once is handled.

#include "vmm/debug/run_control/slot_hit.h"

#include <gtest/gtest.h>

namespace ringside::debug {
namespace {

struct Hits {
    const char* name;
    std::array<SlotUse, 4> use;
    unsigned hits;
    // What is right: the use, and which slot's breakpoint, if it is one's.
    SlotUse handled;
    int owner = -1;
    // Slots 0 and 1 are a read watchpoint's: one for writes, and one for both.
    bool read_watch = false;
    bool wrote = false;
};

constexpr auto kFree = SlotUse::None, kPlan = SlotUse::Plan, kTarget = SlotUse::StepTarget,
               kHandler = SlotUse::DebugHandler;

class SlotHitTest : public ::testing::TestWithParam<Hits> {};

TEST_P(SlotHitTest, TheTablesComeFirst) {
    const Hits& row = GetParam();
    std::array<Breakpoint, 4> breakpoints;
    SlotSetup armed;
    armed.use = row.use;
    DebugPlan plan;
    for (std::size_t slot = 0; slot < plan.owner.size(); ++slot)
        plan.owner[slot] = row.use[slot] == kPlan ? &breakpoints[slot] : nullptr;
    if (row.read_watch) {
        plan.owner[0] = plan.owner[1];
        plan.write_slots = 1;
    }
    const SlotHit hit = slot_hit(armed, plan, row.hits);
    EXPECT_EQ(hit.use, row.handled);
    EXPECT_EQ(hit.wrote, row.wrote);
    EXPECT_EQ(hit.breakpoint, row.owner < 0 ? nullptr : &breakpoints[static_cast<std::size_t>(row.owner)]);
}

INSTANTIATE_TEST_SUITE_P(
    Slots, SlotHitTest,
    ::testing::Values(
        Hits{"None", {kPlan, kPlan, kPlan, kPlan}, 0, kFree},
        Hits{"OneOfTheTables", {kPlan, kPlan, kPlan, kPlan}, 0b0100, kPlan, 2},
        Hits{"TheFirstOfTwo", {kPlan, kPlan, kPlan, kPlan}, 0b1010, kPlan, 1},
        Hits{"AStepsTarget", {kPlan, kTarget, kFree, kFree}, 0b0010, kTarget},
        Hits{"ATableBehindATarget", {kTarget, kPlan, kFree, kFree}, 0b0011, kPlan, 1},
        Hits{"ATableBeforeAHandler", {kPlan, kHandler, kFree, kFree}, 0b0011, kPlan, 0},
        Hits{"AHandler", {kPlan, kHandler, kFree, kFree}, 0b0010, kHandler},
        Hits{"ARead", {kPlan, kPlan, kFree, kFree}, 0b0010, kPlan, 1, true, false},
        Hits{"AWrite", {kPlan, kPlan, kFree, kFree}, 0b0011, kPlan, 1, true, true},
        Hits{"AWriteAndAnother", {kPlan, kPlan, kPlan, kFree}, 0b0111, kPlan, 2, true, false},
        Hits{"AWriteBehindATarget", {kPlan, kPlan, kTarget, kFree}, 0b0111, kPlan, 1, true, true}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace ringside::debug
