// What a client may define, and how an experiment begins and ends.

#include "vmm/debug/trace/experiment.h"

#include <gmock/gmock.h>

namespace ringside::debug {
namespace {

using gdbstub::TraceEnd;
using gdbstub::TracepointId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

gdbstub::TracepointHead head_of(std::uint32_t number, std::uint64_t address) {
    gdbstub::TracepointHead head;
    head.id = {number, address};
    return head;
}

gdbstub::TracepointActions actions_of(TracepointId id, std::vector<gdbstub::TraceAction> list) {
    return {id, false, std::move(list), "R1"};
}

gdbstub::TraceVariable variable_of(std::uint32_t number, std::uint64_t value, const char* name) {
    return {number, value, false, name};
}

class ExperimentTest : public ::testing::Test {
  protected:
    Experiment experiment;
};

TEST_F(ExperimentTest, WatchesWhatIsEnabledWhileItRuns) {
    ASSERT_TRUE(experiment.define(head_of(1, 0x10), true));
    ASSERT_TRUE(experiment.define(head_of(1, 0x20), true));
    ASSERT_TRUE(experiment.enable({1, 0x20}, false));
    EXPECT_THAT(experiment.places(), IsEmpty());
    ASSERT_TRUE(experiment.start(5));
    EXPECT_THAT(experiment.places(), ElementsAre(0x10));
    ASSERT_TRUE(experiment.enable({1, 0x20}, true));
    EXPECT_THAT(experiment.places(), ElementsAre(0x10, 0x20));
    experiment.stop(TraceEnd::Stopped, 7);
    EXPECT_THAT(experiment.places(), IsEmpty());
    EXPECT_EQ(experiment.status().started, 5U);
    EXPECT_EQ(experiment.status().stopped, 7U);
}

TEST_F(ExperimentTest, TheFirstEndCounts) {
    ASSERT_TRUE(experiment.start(1));
    experiment.stop(TraceEnd::Full, 2);
    experiment.stop(TraceEnd::Stopped, 3);
    EXPECT_EQ(experiment.status().end, TraceEnd::Full);
    ASSERT_TRUE(experiment.start(4));
    EXPECT_EQ(experiment.status().end, TraceEnd::NotRun);
    EXPECT_EQ(experiment.status().stopped, 0U);
}

TEST_F(ExperimentTest, WhatIsInUseDoesNotChangeWhileItRuns) {
    ASSERT_TRUE(experiment.define(head_of(1, 0x10), true));
    ASSERT_TRUE(experiment.start(1));
    EXPECT_FALSE(experiment.start(2));
    EXPECT_FALSE(experiment.define(head_of(1, 0x10), true));
    EXPECT_FALSE(experiment.add(actions_of({1, 0x10}, {}), true));
    EXPECT_FALSE(experiment.define(variable_of(9, 0, "x")));
    EXPECT_FALSE(experiment.set_circular(true));
    EXPECT_FALSE(experiment.set_buffer_size(100));
}

TEST_F(ExperimentTest, WhatIsDefinedWhileItRunsIsWatchedWhenItIsComplete) {
    ASSERT_TRUE(experiment.start(1));
    ASSERT_TRUE(experiment.define(head_of(1, 0x10), true));
    EXPECT_THAT(experiment.places(), ElementsAre(0x10));
    ASSERT_TRUE(experiment.define(head_of(2, 0x20), false));
    ASSERT_TRUE(experiment.add(actions_of({2, 0x20}, {gdbstub::CollectRegisters{}}), false));
    ASSERT_TRUE(experiment.add({{2, 0x20}, "cond", 0, 1, "31"}));
    EXPECT_THAT(experiment.places(), ElementsAre(0x10));
    ASSERT_TRUE(experiment.add(actions_of({2, 0x20}, {gdbstub::CollectRegisters{}}), true));
    EXPECT_THAT(experiment.places(), ElementsAre(0x10, 0x20));
    experiment.remove({1, 0x10});
    EXPECT_THAT(experiment.places(), ElementsAre(0x20));
}

TEST_F(ExperimentTest, TheSourceThatFollowsSaysThatNoActionsCome) {
    ASSERT_TRUE(experiment.start(1));
    ASSERT_TRUE(experiment.define(head_of(1, 0x10), false));
    EXPECT_THAT(experiment.places(), IsEmpty());
    ASSERT_TRUE(experiment.add({{1, 0x10}, "at", 0, 1, "31"}));
    EXPECT_THAT(experiment.places(), ElementsAre(0x10));
}

// gdb announces actions and sends none where they collect nothing, as `collect main` does.
TEST_F(ExperimentTest, ATracepointMayGetNoneOfTheActionsThatWereAnnounced) {
    ASSERT_TRUE(experiment.define(head_of(1, 0x10), false));
    EXPECT_TRUE(experiment.start(1));
}

TEST_F(ExperimentTest, ADefinitionThatWasCutOffDoesNotRun) {
    ASSERT_TRUE(experiment.define(head_of(1, 0x10), false));
    ASSERT_TRUE(experiment.add(actions_of({1, 0x10}, {gdbstub::CollectRegisters{}}), false));
    const auto started = experiment.start(1);
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message, HasSubstr("not complete"));
    ASSERT_TRUE(experiment.add(actions_of({1, 0x10}, {gdbstub::CollectRegisters{}}), true));
    EXPECT_TRUE(experiment.start(1));
}

TEST_F(ExperimentTest, InvalidRequestsAreRefused) {
    EXPECT_FALSE(experiment.define(head_of(0x10000, 0x10), true));
    ASSERT_TRUE(experiment.define(head_of(1, 0x10), true));
    EXPECT_FALSE(experiment.define(head_of(1, 0x10), true));
    EXPECT_FALSE(experiment.add(actions_of({1, 0x10}, {}), true));  // it is complete
    EXPECT_FALSE(experiment.add(actions_of({2, 0x10}, {}), true));
    EXPECT_FALSE(experiment.enable({2, 0x10}, true));
    auto bad = head_of(3, 0x10);
    bad.condition = {std::byte{0xff}};
    EXPECT_FALSE(experiment.define(bad, true));
    ASSERT_TRUE(experiment.define(head_of(3, 0x10), false));
    EXPECT_FALSE(
        experiment.add(actions_of({3, 0x10}, {gdbstub::CollectExpression{{std::byte{0xff}}}}), true));
}

TEST_F(ExperimentTest, SizesHaveALimit) {
    EXPECT_FALSE(experiment.set_buffer_size(UINT64_MAX));
    EXPECT_FALSE(experiment.set_buffer_size(0));
    ASSERT_TRUE(experiment.set_buffer_size(1000));
    ASSERT_TRUE(experiment.start(1));
    EXPECT_EQ(experiment.buffer().capacity(), 1000U);
    EXPECT_EQ(experiment.status().free, 1000U);
    experiment.stop(TraceEnd::Stopped, 1);
    ASSERT_TRUE(experiment.set_buffer_size(std::nullopt));
    EXPECT_EQ(experiment.status().size, Experiment::kDefaultSize);
}

TEST_F(ExperimentTest, ActionsWithoutEndAreCutOff) {
    ASSERT_TRUE(experiment.define(head_of(1, 0x10), false));
    auto actions = actions_of({1, 0x10}, {});
    actions.text.assign(0x10000, 'R');
    int taken = 0;
    while (taken < 10'000 && experiment.add(actions, false))
        ++taken;
    EXPECT_GT(taken, 1);
    EXPECT_LT(taken, 100);
    std::uint32_t count = 2;
    experiment.clear();
    while (count < 100'000 && experiment.define(head_of(count, 0x10), true))
        ++count;
    EXPECT_LE(count, Experiment::kMostTracepoints + 2);
    for (count = 10; count < 100'000 && experiment.define(variable_of(count, 0, "x"));)
        ++count;
    EXPECT_LE(count, Experiment::kMostVariables + 10);
}

TEST_F(ExperimentTest, VariablesAreResetWithEachExperiment) {
    ASSERT_TRUE(experiment.define(variable_of(9, 5, "x")));
    ASSERT_TRUE(experiment.start(1));
    EXPECT_EQ(experiment.variable(9)->now, 5U);
    experiment.variable(9)->now = 6;
    experiment.stop(TraceEnd::Stopped, 1);
    ASSERT_TRUE(experiment.start(1));
    EXPECT_EQ(experiment.variable(9)->now, 5U);
}

TEST_F(ExperimentTest, ItsOwnVariablesAreThereUnlessAClientTakesTheirNumbers) {
    EXPECT_THAT(experiment.variables(), SizeIs(2));
    ASSERT_TRUE(experiment.define(gdbstub::TraceVariable{1, 0, true, "trace_timestamp"}));
    EXPECT_TRUE(experiment.variable(1)->builtin);
    ASSERT_TRUE(experiment.define(variable_of(1, 3, "mine")));
    EXPECT_FALSE(experiment.variable(1)->builtin);
    EXPECT_EQ(experiment.variable(1)->name, "mine");
    experiment.clear();
    EXPECT_TRUE(experiment.variable(1)->builtin);
}

TEST_F(ExperimentTest, TheAddressOfANumberIsKnownIfThereIsOne) {
    ASSERT_TRUE(experiment.define(head_of(1, 0x10), true));
    ASSERT_TRUE(experiment.define(head_of(2, 0x20), true));
    ASSERT_TRUE(experiment.define(head_of(2, 0x30), true));
    EXPECT_EQ(experiment.only_address(1), 0x10U);
    EXPECT_EQ(experiment.only_address(2), std::nullopt);
    EXPECT_EQ(experiment.only_address(3), std::nullopt);
    EXPECT_EQ(experiment.frame(0), std::nullopt);
}

}  // namespace
}  // namespace ringside::debug
