// A vCPU that reaches tracepoints: what is collected, and that it runs on.

#include "tests/unit/vmm/debug/trace/tracing_fixture.h"

namespace ringside::debug {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST_F(TracingTest, AHitCollectsAndTheVcpuRunsOn) {
    define(1, kCode + 4, {CollectRegisters{}});
    start();
    EXPECT_EQ(byte(kCode + 4), kInt3Byte);
    vcpu->registers.rbx = 0x1234;
    int3_at(kCode + 4);
    EXPECT_FALSE(stopped_here());
    EXPECT_TRUE(steps());
    EXPECT_EQ(byte(kCode + 4), kNop);
    stepped_to(kCode + 5);
    EXPECT_FALSE(steps());
    EXPECT_EQ(byte(kCode + 4), kInt3Byte);
    ASSERT_EQ(frames(), 1U);
    EXPECT_EQ(register_in(0, "rbx"), 0x1234U);
    EXPECT_EQ(tracing.frame_pc(0), kCode + 4);
    EXPECT_EQ(tracing.use({1, kCode + 4})->hits, 1U);
    EXPECT_GT(tracing.use({1, kCode + 4})->bytes, registers.g_size());
}

TEST_F(TracingTest, AStoppedExperimentLeavesNothingInTheGuest) {
    define(1, kCode + 4, {CollectRegisters{}});
    start();
    tracing.stop(kThread);
    EXPECT_EQ(byte(kCode + 4), kNop);
    EXPECT_EQ(tracing.status().end, TraceEnd::Stopped);
    EXPECT_TRUE(table.empty());
}

TEST_F(TracingTest, AnExperimentThatCannotBePlacedDoesNotRun) {
    define(1, kCode + 4, {CollectRegisters{}});
    place_fails = true;
    EXPECT_FALSE(tracing.start(kThread));
    EXPECT_FALSE(tracing.status().running);
}

TEST_F(TracingTest, ATracepointOfARunningExperimentCollectsAtOnce) {
    define(1, kCode + 8, {CollectRegisters{}});
    ASSERT_TRUE(tracing.start(kThread));
    ASSERT_TRUE(announce(2, kCode + 4));
    EXPECT_EQ(byte(kCode + 4), kNop);
    ASSERT_TRUE(tracing.add({{2, kCode + 4}, false, {CollectRegisters{}}, {}}, true, kThread));
    EXPECT_EQ(byte(kCode + 4), kInt3Byte);
    EXPECT_EQ(byte(kCode + 8), kInt3Byte);
    resume();
    int3_at(kCode + 4);
    EXPECT_EQ(frames(), 1U);
    EXPECT_EQ(tracing.use({2, kCode + 4})->hits, 1U);
}

TEST_F(TracingTest, AnIncompleteTracepointBesideACompleteOneCollectsNothing) {
    define(1, kCode + 4, {CollectRegisters{}});
    start();
    ASSERT_TRUE(announce(2, kCode + 4));
    int3_at(kCode + 4);
    EXPECT_EQ(frames(), 1U);
    EXPECT_EQ(tracing.use({2, kCode + 4})->hits, 0U);
}

TEST_F(TracingTest, ATracepointThatCannotBePlacedIsNotDefined) {
    define_stepping(1, kCode, 2, {});
    start();
    int3_at(kCode);
    ASSERT_TRUE(announce(2, kCode + 4));
    define_stepping(3, kCode + 1, 2, {});
    stepped_to(kCode + 1);
    int3_at(kCode + 1);
    place_fails = true;
    EXPECT_FALSE(tracing.add({{2, kCode + 4}, false, {CollectRegisters{}}, {}}, true, kThread));
    EXPECT_EQ(tracing.use({2, kCode + 4}), std::nullopt);
    EXPECT_TRUE(tracing.status().running);
    stepped_to(kCode + 2);
    stepped_to(kCode + 3);
    EXPECT_EQ(find(FrameSearch::By::Tracepoint, 3), 2U);
    EXPECT_EQ(find(FrameSearch::By::Tracepoint, 3, 0, 2), 4U);
    EXPECT_EQ(find(FrameSearch::By::Tracepoint, 3, 0, 4), 5U);
}

TEST_F(TracingTest, MemoryIsCollectedAsFarAsItIsThere) {
    guest.poke<std::uint32_t>(kData, 0x11223344);
    define(1, kCode,
           {CollectMemory{std::nullopt, kData, 4}, CollectMemory{registers.find("rsp")->regno, 8, 2},
            CollectMemory{std::nullopt, kNowhere, 0x4000}, CollectMemory{std::nullopt, kData + 8, 1}});
    start();
    int3_at(kCode);
    EXPECT_TRUE(tracing.status().running);
    EXPECT_THAT(tracing.frame_contents(0).memory,
                ElementsAre(Pair(kData, 4), Pair(kStack + 8, 2), Pair(kData + 8, 1)));
    std::array<std::byte, 8> bytes{};
    EXPECT_EQ(tracing.frame_memory(0, kData, bytes), 4U);
    EXPECT_EQ(bytes[0], std::byte{0x44});
    EXPECT_EQ(tracing.frame_memory(0, kNowhere, bytes), 0U);
    EXPECT_EQ(tracing.frame_memory(7, kData, bytes), 0U);
    EXPECT_EQ(tracing.frame_registers(0), std::nullopt);
    EXPECT_EQ(tracing.frame_pc(0), kCode);  // the tracepoint's own
}

TEST_F(TracingTest, AnOffsetMayBeNegative) {
    define(1, kCode, {CollectMemory{registers.find("rsp")->regno, static_cast<std::uint64_t>(-16), 4}});
    start();
    int3_at(kCode);
    EXPECT_THAT(tracing.frame_contents(0).memory, ElementsAre(Pair(kStack - 16, 4)));
}

TEST_F(TracingTest, AnExpressionCollectsAndCounts) {
    // const32 kData, trace_quick 8, pop; getv 9, const8 1, add, setv 9, pop; tracev 9; end
    define(1, kCode, {CollectExpression{bytecode({0x24, 0,    4, 0, 0,    0x0d, 8, 0x29, 0x2c, 0, 9, 0x22, 1,
                                                  0x02, 0x2d, 0, 9, 0x29, 0x2e, 0, 9,    0x27})}});
    start();
    for (int i = 0; i < 2; ++i) {
        int3_at(kCode);
        stepped_to(kCode + 1);
    }
    EXPECT_EQ(frames(), 2U);
    EXPECT_THAT(tracing.frame_contents(1).memory, ElementsAre(Pair(kData, 8)));
    EXPECT_EQ(tracing.frame_variable(0, kVariable), 6U);
    EXPECT_EQ(tracing.frame_variable(1, kVariable), 7U);
    EXPECT_EQ(tracing.variable(kVariable), 7U);
    EXPECT_EQ(tracing.variable(77), std::nullopt);
}

TEST_F(TracingTest, AStringEndsAtItsZero) {
    guest.poke<std::uint32_t>(kData, 0x00636261);
    // const32 kData, const8 100, tracenz; end
    define(1, kCode, {CollectExpression{bytecode({0x24, 0, 4, 0, 0, 0x22, 100, 0x2f, 0x27})}});
    start();
    int3_at(kCode);
    EXPECT_THAT(tracing.frame_contents(0).memory, ElementsAre(Pair(kData, 4)));
}

TEST_F(TracingTest, TheTimeAndTheVcpuAreVariablesOfItsOwn) {
    define(1, kCode, {CollectExpression{bytecode({0x2e, 0, 1, 0x2e, 0, 2, 0x27})}});
    start();
    int3_at(kCode);
    EXPECT_GE(tracing.frame_variable(0, 1).value_or(0), tracing.status().started);
    EXPECT_EQ(tracing.frame_variable(0, 2), 0U);
}

TEST_F(TracingTest, ABreakpointsConditionCanAskForTheVcpu) {
    const auto insert_for = [this](int index) {
        gdbstub::BreakpointRequest request;
        request.address = kCode;
        request.conditions.push_back(
            bytecode({0x2c, 0, 2, 0x22, index, 0x13, 0x27}));  // getv 2, const8, equal, end
        ASSERT_TRUE(table.insert(stopped.token(), view, guest.state.system, request));
    };
    insert_for(1);
    resume();
    int3_at(kCode);
    EXPECT_FALSE(stopped_here());
    stepped_to(kCode + 1);
    insert_for(0);
    int3_at(kCode);
    EXPECT_TRUE(stopped_here());
}

TEST_F(TracingTest, AConditionChooses) {
    const auto rbx = static_cast<int>(registers.find("rbx")->regno);
    define(1, kCode, {CollectRegisters{}}, 0, bytecode({0x26, 0, rbx, 0x22, 3, 0x13, 0x27}));
    start();
    for (std::uint64_t i = 0; i < 5; ++i) {
        vcpu->registers.rbx = i;
        int3_at(kCode);
        stepped_to(kCode + 1);
    }
    ASSERT_EQ(frames(), 1U);
    EXPECT_EQ(register_in(0, "rbx"), 3U);
    EXPECT_EQ(tracing.use({1, kCode})->hits, 1U);
}

TEST_F(TracingTest, WhatCannotBeEvaluatedEndsTheExperiment) {
    // const64 kNowhere, ref8
    const auto reads_nowhere = bytecode({0x25, 0, 0, 0, 0, 0x40, 0, 0, 0, 0x17, 0x27});
    define(4, kCode, {CollectExpression{reads_nowhere}});
    define(5, kCode + 8, {}, 0, reads_nowhere);
    start();
    int3_at(kCode);
    EXPECT_EQ(tracing.status().end, TraceEnd::Error);
    EXPECT_EQ(tracing.status().tracepoint, 4U);
    EXPECT_EQ(tracing.status().error, "memory cannot be read");
    stepped_to(kCode + 1);
    ASSERT_TRUE(tracing.start(kThread));
    int3_at(kCode + 8);
    EXPECT_EQ(tracing.status().tracepoint, 5U);
    EXPECT_THAT(tracing.status().error, HasSubstr("condition"));
    EXPECT_FALSE(stopped_here());
}

TEST_F(TracingTest, APassCountEndsTheExperiment) {
    define(1, kCode, {CollectRegisters{}}, 2);
    start();
    for (int i = 0; i < 4; ++i) {
        int3_at(kCode);
        stepped_to(kCode + 1);
    }
    EXPECT_EQ(frames(), 2U);
    EXPECT_EQ(tracing.status().end, TraceEnd::PassCount);
    EXPECT_EQ(tracing.status().tracepoint, 1U);
    EXPECT_EQ(byte(kCode), kInt3Byte);  // until the guest is stopped
    tracing.settle();
    EXPECT_EQ(byte(kCode), kNop);
}

TEST_F(TracingTest, AFullBufferEndsTheExperiment) {
    ASSERT_TRUE(tracing.set_buffer_size(100));
    define(1, kCode, {CollectMemory{std::nullopt, kData, 40}});
    start();
    for (int i = 0; i < 4; ++i) {
        int3_at(kCode);
        stepped_to(kCode + 1);
    }
    EXPECT_EQ(frames(), 1U);
    EXPECT_EQ(tracing.status().end, TraceEnd::Full);
}

TEST_F(TracingTest, ACircularBufferKeepsTheNewest) {
    ASSERT_TRUE(tracing.set_buffer_size(100));
    ASSERT_TRUE(tracing.set_circular(true));
    define(1, kCode, {CollectMemory{registers.find("rbx")->regno, 0, 40}});
    start();
    for (std::uint64_t i = 0; i < 4; ++i) {
        vcpu->registers.rbx = kData + i;
        int3_at(kCode);
        stepped_to(kCode + 1);
    }
    EXPECT_TRUE(tracing.status().running);
    EXPECT_EQ(tracing.status().created, 4U);
    ASSERT_EQ(frames(), 1U);
    EXPECT_THAT(tracing.frame_contents(0).memory, ElementsAre(Pair(kData + 3, 40)));
}

TEST_F(TracingTest, AHugeRangeFillsTheBufferAndNoMore) {
    define(1, kCode, {CollectMemory{std::nullopt, 0, UINT64_MAX}});
    ASSERT_TRUE(tracing.set_buffer_size(0x1000));
    start();
    int3_at(kCode);
    EXPECT_EQ(tracing.status().end, TraceEnd::Full);
    EXPECT_EQ(frames(), 0U);
}

TEST_F(TracingTest, ABreakpointAtTheSamePlaceStopsAndTheHitIsCollectedOnce) {
    define(1, kCode, {CollectRegisters{}});
    start();
    insert(BreakpointKind::Software, kCode);
    int3_at(kCode);
    EXPECT_TRUE(reason<gdbstub::StoppedBySoftwareBreakpoint>());
    EXPECT_EQ(frames(), 1U);
    // As gdb continues: it removes its breakpoint, steps, and inserts it again.
    table.remove(stopped.token(), BreakpointKind::Software, kCode, 1);
    EXPECT_EQ(byte(kCode), kInt3Byte);
    resume(gdbstub::Step{});
    int3_at(kCode);
    stepped_to(kCode + 1);
    EXPECT_TRUE(stopped_here());
    EXPECT_EQ(frames(), 1U);
    resume();
    int3_at(kCode);
    EXPECT_EQ(frames(), 2U);
    EXPECT_FALSE(stopped_here());
}

TEST_F(TracingTest, AHardwareBreakpointAtTheSamePlaceDoesNotHideIt) {
    insert(BreakpointKind::Hardware, kCode, false);
    define(1, kCode, {CollectRegisters{}});
    start();
    debug_at(kCode, 1);
    EXPECT_EQ(frames(), 1U);
    int3_at(kCode);
    EXPECT_EQ(frames(), 1U);
    stepped_to(kCode + 1);
    debug_at(kCode, 1);
    EXPECT_EQ(frames(), 2U);
    EXPECT_FALSE(stopped_here());
}

TEST_F(TracingTest, ALeavingClientsBreakpointsGoAndTracepointsStay) {
    define(1, kCode, {CollectRegisters{}});
    start();
    insert(BreakpointKind::Software, kCode);
    insert(BreakpointKind::Software, kCode + 8);
    table.remove_all(stopped.token());
    EXPECT_EQ(byte(kCode), kInt3Byte);
    EXPECT_EQ(byte(kCode + 8), kNop);
    int3_at(kCode);
    EXPECT_FALSE(stopped_here());
    EXPECT_EQ(frames(), 1U);
}

TEST_F(TracingTest, AClientThatLeavesEndsTheExperimentUnlessItSaidSo) {
    define(1, kCode, {CollectRegisters{}});
    tracing.set_disconnected(true);
    start();
    tracing.client_left();
    EXPECT_TRUE(tracing.status().running);
    EXPECT_EQ(byte(kCode), kInt3Byte);
    tracing.set_disconnected(false);
    tracing.client_left();
    EXPECT_EQ(tracing.status().end, TraceEnd::Disconnected);
    EXPECT_EQ(byte(kCode), kNop);
}

TEST_F(TracingTest, ATracepointIsDisabledAndEnabledWhileItRuns) {
    define(1, kCode, {CollectRegisters{}});
    start();
    ASSERT_TRUE(tracing.enable({1, kCode}, false, kThread));
    EXPECT_EQ(byte(kCode), kNop);
    ASSERT_TRUE(tracing.enable({1, kCode}, true, kThread));
    EXPECT_EQ(byte(kCode), kInt3Byte);
    int3_at(kCode);
    EXPECT_EQ(frames(), 1U);
}

// ---- Frames

TEST_F(TracingTest, FramesAreFoundByWhereTheyAreFrom) {
    define(1, kCode, {CollectRegisters{}});
    define(2, kCode + 4, {CollectRegisters{}});
    start();
    for (int i = 0; i < 2; ++i) {
        int3_at(kCode);
        stepped_to(kCode + 1);
        int3_at(kCode + 4);
        stepped_to(kCode + 5);
    }
    EXPECT_EQ(find(FrameSearch::By::Number, 3), 3U);
    EXPECT_EQ(find(FrameSearch::By::Number, 4), std::nullopt);
    EXPECT_EQ(find(FrameSearch::By::Number, 0, 0, 2), 0U);
    EXPECT_EQ(find(FrameSearch::By::Pc, kCode + 4), 1U);
    EXPECT_EQ(find(FrameSearch::By::Pc, kCode + 4, 0, 1), 3U);
    EXPECT_EQ(find(FrameSearch::By::Pc, kCode + 4, 0, 3), std::nullopt);
    EXPECT_EQ(find(FrameSearch::By::Tracepoint, 2), 1U);
    EXPECT_EQ(find(FrameSearch::By::Inside, kCode + 1, kCode + 4), 1U);
    EXPECT_EQ(find(FrameSearch::By::Outside, kCode + 1, kCode + 4), 0U);
    std::array<std::byte, 6> header{};
    EXPECT_EQ(tracing.read_buffer(0, header), header.size());
    EXPECT_EQ(header[0], std::byte{1});
}

}  // namespace
}  // namespace ringside::debug
