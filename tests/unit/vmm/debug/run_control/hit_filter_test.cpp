// When a hit stops its vCPU: a table of breakpoints, and what was counted and printed.

#include <algorithm>
#include <array>

#include "tests/unit/vmm/debug/run_control/scripted_judge.h"
#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"
#include "vmm/debug/run_control/hit_filter.h"

namespace ringside::debug {
namespace {

std::vector<std::byte> constant(std::uint8_t value) {
    return {std::byte{0x22}, std::byte{value}, std::byte{0x27}};
}

// printf of "x\n" by no function, on no channel; and the end.
std::vector<std::byte> print_x() {
    constexpr std::array<std::uint8_t, 12> kCode{0x22, 0, 0x22, 0, 0x34, 0, 0, 3, 'x', '\n', 0, 0x27};
    std::vector<std::byte> code(kCode.size());
    std::ranges::transform(kCode, code.begin(), [](std::uint8_t each) { return std::byte{each}; });
    return code;
}

struct Hit {
    const char* name;
    std::vector<std::vector<std::byte>> conditions = {};
    std::vector<std::vector<std::byte>> commands = {};
    std::optional<std::uint64_t> address_space = {};
    bool l2_runs = false;
    bool level_open = false;
    // What is right.
    bool stops = true;
    std::uint64_t hits = 1;
    const char* printed = "";
};

class HitFilterTest : public VcpuDebuggerTest, public ::testing::WithParamInterface<Hit> {};

TEST_P(HitFilterTest, StopsOnlyWhereTheClientWantsIt) {
    const Hit& hit = GetParam();
    ExitRegisters at(*vcpu);
    at.general.rip = kCode;
    at.system = guest.state.system;
    at.system.inner.running = hit.l2_runs;
    Breakpoint breakpoint;
    breakpoint.request.address = kCode;
    breakpoint.request.conditions = hit.conditions;
    breakpoint.request.commands = hit.commands;
    breakpoint.address_space = hit.address_space;
    breakpoint.level_open = hit.level_open;
    TracedRun traced(*vcpu, *context, at);
    HitFilter filter(VcpuIndex{0}, *context, at, traced);
    EXPECT_EQ(filter.stops(breakpoint), hit.stops);
    EXPECT_EQ(breakpoint.hits, hit.hits);
    EXPECT_EQ(events.printed, hit.printed);
}

INSTANTIATE_TEST_SUITE_P(
    Hits, HitFilterTest,
    ::testing::Values(
        Hit{.name = "Plain"}, Hit{.name = "ATrueCondition", .conditions = {constant(1)}},
        Hit{.name = "AFalseCondition", .conditions = {constant(0)}, .stops = false},
        Hit{.name = "OneOfTwoConditions", .conditions = {constant(0), constant(1)}},
        Hit{.name = "AConditionThatCannotBeEvaluated", .conditions = {{std::byte{0xff}}}},
        Hit{.name = "CommandsRunAndDoNotStop", .commands = {print_x()}, .stops = false, .printed = "x\n"},
        Hit{.name = "CommandsBehindAFalseCondition",
            .conditions = {constant(0)},
            .commands = {print_x()},
            .stops = false},
        Hit{.name = "ItsAddressSpace", .address_space = TestGuest::kPml4},
        Hit{.name = "AnotherAddressSpace", .address_space = 0x7000, .stops = false, .hits = 0},
        Hit{.name = "AnotherLevel", .l2_runs = true, .stops = false, .hits = 0},
        Hit{.name = "ALevelThatIsOpen", .l2_runs = true, .level_open = true}),
    [](const auto& row) { return row.param.name; });

// A breakpoint that no client has set, and one of the client's at the same address.
class JudgedHitTest : public VcpuDebuggerTest {
  protected:
    JudgedHitTest() {
        const JudgedPlace place{Gva{kCode}, &judge};
        table.set_judged(view, guest.state.system, {&place, 1});
    }
    ScriptedJudge judge;
};

TEST_F(JudgedHitTest, ItsLineIsTheStops) {
    judge.line = "why\n";
    resume();
    int3_at(kCode);
    ASSERT_TRUE(reason<gdbstub::StoppedBySignal>());
    EXPECT_EQ(last_stop.console, "why\n");
}

TEST_F(JudgedHitTest, WithoutALineTheGuestRunsOn) {
    resume();
    int3_at(kCode);
    EXPECT_FALSE(stopped_here());
    EXPECT_EQ(judge.asked, 1);
    EXPECT_EQ(byte(kCode), kNop) << "it is stepped off";
}

TEST_F(JudgedHitTest, AClientsBreakpointThereIsHitAsWell) {
    insert(BreakpointKind::Software, kCode);
    resume();
    int3_at(kCode);
    EXPECT_TRUE(reason<gdbstub::StoppedBySoftwareBreakpoint>());
    EXPECT_EQ(judge.asked, 1);
    EXPECT_EQ(hits(), 1U);
}

// Both are hit, another vCPU's stop is the one that the client sees, and the client removes its own.
TEST_F(JudgedHitTest, ItsLineIsShownThoughAClientsBreakpointHasGoneMeanwhile) {
    judge.line = "why\n";
    insert(BreakpointKind::Software, kCode);
    resume();
    coordinator->interrupt(gdbstub::StoppedByInterrupt{});
    int3_at(kCode);
    coordinator->note_parked(VcpuIndex{0});
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedByInterrupt>(coordinator->last_stop().reason));
    table.remove(stopped.token(), BreakpointKind::Software, kCode, 1);
    resume();
    int3_at(kCode);
    ASSERT_TRUE(reason<gdbstub::StoppedBySignal>());
    EXPECT_EQ(last_stop.console, "why\n");
    EXPECT_EQ(judge.asked, 1) << "it is one hit";
}

TEST_F(JudgedHitTest, TheClientSeesAndRemovesOnlyItsOwn) {
    insert(BreakpointKind::Software, kCode);
    table.remove(stopped.token(), BreakpointKind::Software, kCode, 1);
    EXPECT_TRUE(table.list().empty());
    EXPECT_EQ(byte(kCode), kInt3Byte);
    table.remove_all(stopped.token());
    EXPECT_EQ(byte(kCode), kInt3Byte);
    table.set_judged(view, guest.state.system, {});
    EXPECT_EQ(byte(kCode), kNop);
}

TEST_F(JudgedHitTest, TheNextResumeStepsOffIt) {
    judge.line = "why\n";
    resume();
    int3_at(kCode);
    coordinator->note_parked(VcpuIndex{0});
    resume();
    EXPECT_TRUE(steps());
    EXPECT_EQ(byte(kCode), kNop);
}

// The monitor's own breakpoints, which a judge decides about.
class MonitorHitTest : public VcpuDebuggerTest {
  protected:
    void place(std::uint64_t address, bool physical = false, BreakpointKind kind = BreakpointKind::Software) {
        gdbstub::BreakpointRequest request;
        request.kind = kind;
        request.address = address;
        request.size = 1;
        table.insert_for_monitor(stopped.token(), view, guest.state.system, request, physical, judge);
        judge.line = "why\n";
    }
    void go_on() {
        coordinator->note_parked(VcpuIndex{0});
        resume();
    }
    ScriptedJudge judge;
};

TEST_F(MonitorHitTest, AfterAStopAtBothTheClientsStepDoesNotHitTheOtherAgain) {
    place(kCode);
    insert(BreakpointKind::Software, kCode);
    resume();
    int3_at(kCode);
    ASSERT_TRUE(reason<gdbstub::StoppedBySoftwareBreakpoint>());
    EXPECT_EQ(last_stop.console, "why\n");
    coordinator->note_parked(VcpuIndex{0});
    table.remove(stopped.token(), BreakpointKind::Software, kCode, 1);
    resume(gdbstub::Step{});
    int3_at(kCode);
    EXPECT_FALSE(stopped_here());
    EXPECT_EQ(judge.asked, 1);
    stepped_to(kCode + 1);
    EXPECT_TRUE(stopped_here());
    go_on();
    int3_at(kCode);
    EXPECT_EQ(judge.asked, 2) << "the vCPU has moved, and come again";
}

TEST_F(MonitorHitTest, AClientThatStepsIsToldBySigint) {
    place(kCode + 1);
    resume(gdbstub::RangeStep{kCode, kCode + 8});
    int3_at(kCode + 1);
    const auto* stop = reason<gdbstub::StoppedBySignal>();
    ASSERT_TRUE(stop);
    EXPECT_EQ(stop->signal, gdbstub::Signal::Int);
}

TEST_F(MonitorHitTest, APhysicalOneIsHitAtAnotherAddressOfItsPage) {
    constexpr std::uint64_t kGpa = 0x100000;
    guest.poke(kGpa, kNop);
    place(kGpa, true);
    resume();
    int3_at(TestGuest::kMapped);
    EXPECT_EQ(judge.asked, 1);
    EXPECT_TRUE(stopped_here());
}

TEST_F(MonitorHitTest, ALinearOneIsNotHitAtAnotherAddressOfItsPage) {
    constexpr std::uint64_t kGpa = 0x100000;
    guest.poke(kGpa, kNop);
    place(kGpa);
    resume();
    int3_at(TestGuest::kMapped);
    EXPECT_EQ(judge.asked, 0);
    EXPECT_FALSE(stopped_here());
    EXPECT_EQ(byte(kGpa), kNop) << "it is stepped off";
}

TEST_F(MonitorHitTest, OneThatIsPlantedAndOneThatIsSteppedForAreEvaluatedOnce) {
    constexpr std::uint64_t kHigh = 0x180000;  // where no real mode runs
    auto host = a_complete_host();
    host.int3_protected = Int3::GoesToGuest;  // so a physical one is stepped for
    use(host);
    guest.poke(kHigh, kNop);
    place(kHigh, true);
    judge.line.reset();
    insert(BreakpointKind::Software, kHigh, false);
    ASSERT_EQ(byte(kHigh), kInt3Byte);
    resume();
    stepped_to(kHigh);
    EXPECT_EQ(judge.asked, 1);
    EXPECT_EQ(hits(), 1U);
    int3_at(kHigh);
    EXPECT_FALSE(stopped_here());
    EXPECT_EQ(judge.asked, 1);
    EXPECT_EQ(hits(), 1U);
}

TEST_F(MonitorHitTest, ASlotAtAPlantedInstructionIsSteppedOffWithIt) {
    place(kCode);
    judge.line.reset();
    insert(BreakpointKind::Hardware, kCode, false);
    guest.poke<std::uint16_t>(kCode, 0xa20f);  // CPUID, which is not executed on KVM's behalf
    table.planted().renew(Gpa{kCode});
    resume();
    debug_at(kCode, 1);
    EXPECT_FALSE(stopped_here());
    EXPECT_TRUE(steps());
    EXPECT_NE(byte(kCode), kInt3Byte);
    EXPECT_EQ(judge.asked, 1);
}

TEST_F(MonitorHitTest, AWatchpointOnPhysicalMemoryHasBothValues) {
    code({0xc6, 0x03, 0x07});  // movb $7, (%rbx)
    vcpu->registers.rbx = kData;
    place(kData, true, BreakpointKind::WriteWatch);
    resume();
    ASSERT_TRUE(steps());
    guest.poke<std::uint8_t>(kData, 7);
    stepped_to(kCode + 3);
    ASSERT_TRUE(reason<gdbstub::StoppedBySignal>());
    EXPECT_EQ(last_stop.console, "why\n");
    EXPECT_EQ(judge.before, 0);
    EXPECT_EQ(judge.after, 7);
}

}  // namespace
}  // namespace ringside::debug
