// What a vCPU has reported, and for how long that counts.

#include "vmm/debug/run_control/stop_report.h"
#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

class StopReportTest : public VcpuDebuggerTest {
  protected:
    static constexpr VcpuIndex kVcpu{0};

    StopReportTest() {
        at.general.rip = kCode;
        at.system = guest.state.system;
        run();
    }
    void run() {
        const VcpuIndex all[] = {kVcpu};
        coordinator->resume(all);
    }
    void hit_where_rip_is_an_offset() {
        insert(BreakpointKind::Software, kCode);
        at.system.cs.base = 0x1000;
        at.system.cs.l = 0;
        at.general.rip = kCode - 0x1000;
        report.report_hit(*table.list().front());
    }
    gdbstub::Signal signal() const {
        return std::get<gdbstub::StoppedBySignal>(coordinator->last_stop().reason).signal;
    }

    ExitRegisters at{*vcpu};
    StopReport report{kVcpu, *coordinator, at};
};

TEST_F(StopReportTest, AStopCountsUntilTheVcpuIsResumed) {
    EXPECT_FALSE(report.made());
    report.report(gdbstub::StoppedBySignal{});
    EXPECT_TRUE(report.made());
    EXPECT_TRUE(report.clear());
    EXPECT_FALSE(report.made());
}

TEST_F(StopReportTest, AfterAFailureTheRegistersAreFetchedAgain) {
    report.report_failure(failure("do it", "KVM refuses").value());
    EXPECT_FALSE(report.made());
    EXPECT_EQ(signal(), gdbstub::Signal::Abort);
    EXPECT_NE(coordinator->last_stop().console.find("KVM refuses"), std::string::npos);
}

TEST_F(StopReportTest, ADeathIsReportedAtEveryResume) {
    report.report_death(gdbstub::Signal::Ill, "It is dead.\n");
    ASSERT_NE(report.dead(), nullptr);
    EXPECT_EQ(signal(), gdbstub::Signal::Ill);
    run();
    EXPECT_FALSE(report.clear());
    EXPECT_EQ(signal(), gdbstub::Signal::Segv);
    EXPECT_EQ(coordinator->last_stop().console, "It is dead.\n");
}

TEST_F(StopReportTest, InThePastADeathIsStillToCome) {
    report.report_death(gdbstub::Signal::Segv, "It is dead.\n");
    report.moved_in_time(false);
    EXPECT_EQ(report.dead(), nullptr);
    report.moved_in_time(true);
    EXPECT_NE(report.dead(), nullptr);
    report.future_is_gone();
    report.moved_in_time(true);
    EXPECT_EQ(report.dead(), nullptr);
}

TEST_F(StopReportTest, ABreakpointThatTheClientDoesNotRecogniseIsShown) {
    hit_where_rip_is_an_offset();
    EXPECT_EQ(report.shown(table, view), table.list().front());
    report.forget_shown();
    EXPECT_EQ(report.shown(table, view), nullptr);
}

TEST_F(StopReportTest, ElsewhereNothingIsShown) {
    hit_where_rip_is_an_offset();
    at.general.rip += 1;
    EXPECT_EQ(report.shown(table, view), nullptr);
    at.general.rip -= 1;
    EXPECT_EQ(report.shown(table, view), nullptr) << "it was forgotten";
}

TEST_F(StopReportTest, WhereRipIsTheAddressTheClientNeedsNoHelp) {
    insert(BreakpointKind::Software, kCode);
    report.report_hit(*table.list().front());
    EXPECT_EQ(report.shown(table, view), nullptr);
}

TEST_F(StopReportTest, AStopInTheGuestsGuestSaysSo) {
    at.system.inner.running = true;
    report.report(gdbstub::StoppedBySignal{});
    EXPECT_EQ(coordinator->last_stop().console, "vCPU 0 is in its guest's guest (L2)\n");
}

}  // namespace
}  // namespace ringside::debug
