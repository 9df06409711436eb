// What a vCPU stops at while it is stepped, and what is not evaluated twice.

#include "vmm/debug/run_control/vcpu_stops.h"

#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

class VcpuStopsTest : public VcpuDebuggerTest {
  protected:
    VcpuStopsTest() : at(*vcpu), stops(*vcpu, *context, at) {
        at.general.rip = kCode;
        at.system = guest.state.system;
    }
    // The guest's own xchg %bx,%bx.
    void exchange_here() {
        code({0x66, 0x87, 0xdb});
        context->guest_stops.exchange = true;
    }

    ExitRegisters at;
    VcpuStops stops;
};

TEST_F(VcpuStopsTest, NothingIsThere) {
    EXPECT_FALSE(stops.before_step(table.plan()));
    EXPECT_FALSE(stops.after_step(table.plan()));
}

// On a host that reports neither int3s nor slots.
TEST_F(VcpuStopsTest, ABreakpointIsFoundByStepping) {
    use(HostAbilities{});
    insert(BreakpointKind::Hardware, kCode);
    ASSERT_EQ(table.plan().stepped_breakpoints.size(), 1U);
    const auto stop = stops.after_step(table.plan());
    ASSERT_TRUE(stop);
    EXPECT_EQ(stop->breakpoint, table.plan().stepped_breakpoints[0]);
    at.general.rip = kCode + 1;
    EXPECT_FALSE(stops.after_step(table.plan()));
}

TEST_F(VcpuStopsTest, AFalseConditionDoesNotStop) {
    use(HostAbilities{});
    insert(BreakpointKind::Hardware, kCode, false);
    EXPECT_FALSE(stops.after_step(table.plan()));
    EXPECT_EQ(hits(), 1U);
}

TEST_F(VcpuStopsTest, TheGuestsOwnExchangeIsFoundIfItIsToStop) {
    exchange_here();
    const auto stop = stops.after_step(table.plan());
    ASSERT_TRUE(stop);
    EXPECT_EQ(stop->exchange, 3U);
    context->guest_stops.exchange = false;
    EXPECT_FALSE(stops.after_step(table.plan()));
}

TEST_F(VcpuStopsTest, APlaceThatWasPassedIsEvaluatedAgainOnlyAfterAStep) {
    exchange_here();
    stops.note_passed();
    EXPECT_FALSE(stops.before_step(table.plan()));
    stops.forget_place();
    EXPECT_TRUE(stops.before_step(table.plan()));
}

TEST_F(VcpuStopsTest, AHitThatDoesNotStopIsRememberedUntilTheNextResume) {
    insert(BreakpointKind::Software, kCode, false);
    EXPECT_FALSE(stops.passes_hits());
    EXPECT_FALSE(stops.at_hit(*table.planted_at(Gpa{kCode})));
    EXPECT_TRUE(stops.passes_hits());
    stops.begin();
    EXPECT_FALSE(stops.passes_hits());
}

}  // namespace
}  // namespace ringside::debug
