// All-stop over scripted vCPUs whose threads have not been started: what is reported, kept and dropped.

#include "vmm/debug/run_control/stop_coordinator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/scripted_machine.h"
#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

class StopCoordinatorTest : public ::testing::Test {
  protected:
    StopCoordinatorTest() {
        machine = ringside::testing::idle_machine(2, observer);
        coordinator = std::make_unique<StopCoordinator>(*machine, [this](std::optional<VcpuIndex> vcpu) {
            ++stops;
            announced.push_back(vcpu ? static_cast<int>(vcpu->value) : -1);
        });
        resume();
    }
    void resume() { coordinator->resume(kBoth); }
    void report(std::uint32_t vcpu, gdbstub::StopReason reason) {
        coordinator->report(VcpuIndex{vcpu}, {gdbstub::ThreadId{vcpu + 1}, reason, {}});
    }
    std::uint32_t thread() const { return coordinator->last_stop().thread.value; }

    static constexpr VcpuIndex kBoth[] = {VcpuIndex{0}, VcpuIndex{1}};
    static constexpr gdbstub::StoppedBySignal kStepDone{gdbstub::Signal::Trap, true};
    NoObserver observer;
    std::unique_ptr<machine::Machine> machine;
    std::unique_ptr<StopCoordinator> coordinator;
    int stops = 0;
    std::vector<int> announced;  // vCPUs of which a stop was announced; -1: every vCPU
};

TEST_F(StopCoordinatorTest, TheFirstReportIsTheStops) {
    report(1, gdbstub::StoppedBySoftwareBreakpoint{});
    report(0, kStepDone);
    EXPECT_EQ(thread(), 2U);
}

TEST_F(StopCoordinatorTest, AFinishedStepThatCameSecondIsReportedAtTheNextResume) {
    report(0, kStepDone);
    report(1, kStepDone);
    resume();
    EXPECT_EQ(stops, 1);
    EXPECT_EQ(thread(), 2U);
}

TEST_F(StopCoordinatorTest, AWatchpointThatCameSecondIsReportedAtTheNextResume) {
    report(0, kStepDone);
    report(1, gdbstub::StoppedByWatchpoint{gdbstub::WatchKind::Write, 0x1000});
    resume();
    EXPECT_EQ(stops, 1);
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedByWatchpoint>(coordinator->last_stop().reason));
}

TEST_F(StopCoordinatorTest, ABreakpointThatCameSecondIsHitAgain) {
    report(0, kStepDone);
    report(1, gdbstub::StoppedBySoftwareBreakpoint{});
    EXPECT_EQ(coordinator->simultaneous().size(), 1U);
    resume();
    EXPECT_EQ(stops, 0);
}

// Each in a place of its own: the stop, one that is kept, and one that will happen again.
TEST_F(StopCoordinatorTest, EveryStopCanBeDescribed) {
    report(0, kStepDone);
    report(1, kStepDone);
    report(1, gdbstub::StoppedBySoftwareBreakpoint{});
    for (const VcpuIndex vcpu : kBoth)
        coordinator->describe(vcpu, [&](gdbstub::StopEvent& stop) {
            stop.console += fmt::format("{} of {}", stop.thread.value, vcpu.value);
        });
    EXPECT_EQ(coordinator->last_stop().console, "1 of 0");
    const auto others = coordinator->simultaneous();
    ASSERT_EQ(others.size(), 2U);
    EXPECT_EQ(others[0].console, "2 of 1");
    EXPECT_EQ(others[1].console, "2 of 1");
}

TEST_F(StopCoordinatorTest, AClientThatHasLeftGetsNoMoreStops) {
    report(0, kStepDone);
    report(1, kStepDone);
    coordinator->resume_all();
    EXPECT_EQ(stops, 0);
}

TEST_F(StopCoordinatorTest, DuringAStopNoVcpuStepsOffAlone) {
    report(0, kStepDone);
    EXPECT_FALSE(coordinator->park_others(VcpuIndex{1}));
}

TEST_F(StopCoordinatorTest, AnInterruptOfAStoppedGuestChangesNothing) {
    report(1, kStepDone);
    coordinator->interrupt(gdbstub::StoppedByInterrupt{});
    EXPECT_EQ(thread(), 2U);
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedBySignal>(coordinator->last_stop().reason));
}

}  // namespace
}  // namespace ringside::debug
