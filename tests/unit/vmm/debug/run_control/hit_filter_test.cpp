// When a hit stops its vCPU: a table of breakpoints, and what was counted and printed.

#include <algorithm>
#include <array>

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

class ScriptedJudge final : public HitJudge {
  public:
    std::optional<std::string> line;
    int asked = 0;
    std::optional<std::string> judge(VcpuIndex, const x86::GeneralRegisters&,
                                     const x86::SystemRegisters&) override {
        ++asked;
        return line;
    }
};

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

}  // namespace
}  // namespace ringside::debug
