// while-stepping: the steps that follow a hit are collected.

#include "tests/unit/vmm/debug/trace/tracing_fixture.h"

namespace ringside::debug {
namespace {

using ::testing::IsEmpty;

TEST_F(TracingTest, StepsAreCollectedOneByOne) {
    define_stepping(1, kCode, 3, {CollectRegisters{}});
    start();
    int3_at(kCode);
    for (std::uint64_t i = 1; i <= 3; ++i) {
        EXPECT_TRUE(steps()) << i;
        stepped_to(kCode + i);
    }
    EXPECT_FALSE(steps());
    EXPECT_FALSE(stopped_here());
    ASSERT_EQ(frames(), 4U);
    for (std::uint32_t i = 1; i <= 3; ++i)
        EXPECT_EQ(tracing.frame_pc(i), kCode + i);
    EXPECT_EQ(tracing.use({1, kCode})->hits, 1U);
}

TEST_F(TracingTest, ATracepointOnTheWayCollectsToo) {
    define_stepping(1, kCode, 3, {});
    define(2, kCode + 1, {CollectRegisters{}});
    start();
    int3_at(kCode);
    stepped_to(kCode + 1);
    int3_at(kCode + 1);
    stepped_to(kCode + 2);
    stepped_to(kCode + 3);
    EXPECT_FALSE(steps());
    EXPECT_EQ(frames(), 5U);
    EXPECT_EQ(find(FrameSearch::By::Tracepoint, 2), 2U);
}

TEST_F(TracingTest, AnEndOfTheExperimentEndsTheSteps) {
    define_stepping(1, kCode, 1'000'000, {});
    start();
    int3_at(kCode);
    stepped_to(kCode + 1);
    tracing.stop(kThread);
    stepped_to(kCode + 2);
    EXPECT_FALSE(steps());
    EXPECT_EQ(frames(), 2U);
}

TEST_F(TracingTest, APassCountWaitsForTheSteps) {
    define_stepping(1, kCode, 2, {}, 1);
    start();
    int3_at(kCode);
    stepped_to(kCode + 1);
    EXPECT_TRUE(tracing.status().running);
    stepped_to(kCode + 2);
    EXPECT_EQ(tracing.status().end, TraceEnd::PassCount);
    EXPECT_EQ(frames(), 3U);
}

TEST_F(TracingTest, StepsOfAnOldExperimentAreForgotten) {
    define_stepping(1, kCode, 5, {});
    start();
    int3_at(kCode);
    stepped_to(kCode + 1);
    tracing.clear();
    stepped_to(kCode + 2);
    EXPECT_FALSE(steps());
    EXPECT_THAT(tracing.tracepoints(), IsEmpty());
    EXPECT_EQ(frames(), 0U);
}

}  // namespace
}  // namespace ringside::debug
