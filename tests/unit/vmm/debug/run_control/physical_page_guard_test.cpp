// Watchpoints on physical memory, whose pages are write-protected.

#include "tests/unit/vmm/debug/run_control/page_guard_fixture.h"
#include "tests/unit/vmm/debug/run_control/scripted_judge.h"

namespace ringside::debug {
namespace {

class PhysicalPageGuardTest : public PageGuardTest {
  protected:
    static constexpr std::uint64_t kPhysical = 0x102000;  // where TestGuest::kMapped + 0x1000 is
    void watch_physical(std::uint64_t gpa, std::uint64_t size = 4) {
        gdbstub::BreakpointRequest request;
        request.kind = BreakpointKind::WriteWatch;
        request.address = gpa;
        request.size = size;
        table.insert_for_monitor(stopped.token(), view, guest.state.system, request, true, judge);
        judge.line = "why\n";
    }
    ScriptedJudge judge;
};

TEST_F(PhysicalPageGuardTest, ItsPagesAreProtectedWhereverTheyAreMapped) {
    watch_physical(kPhysical + 0xffe);
    prepare();
    EXPECT_EQ(protection->pages(), (std::vector{Gpa{kPhysical}, Gpa{kPhysical + 0x1000}}));
    EXPECT_TRUE(guarded());
}

TEST_F(PhysicalPageGuardTest, ItMayBelongToAProcessOrBeInPageTables) {
    guest.poke<std::uint64_t>(TestGuest::kPml4, TestGuest::kPdpt | 7);
    watch_physical(TestGuest::kDirectory + 8);
    prepare();
    EXPECT_EQ(protection->pages(), std::vector{Gpa{TestGuest::kDirectory}});
    EXPECT_TRUE(guarded());
}

TEST_F(PhysicalPageGuardTest, WhereThereIsNoMemoryTheGuestIsStepped) {
    watch_physical(0x40000000);
    prepare();
    EXPECT_FALSE(guarded());
    EXPECT_EQ(guard.why_not(), "their pages are not ordinary memory of the guest");
}

TEST_F(PhysicalPageGuardTest, NoOtherMappingEndsIt) {
    watch_physical(kPhysical);
    prepare();
    resume();
    guest.poke<std::uint64_t>(TestGuest::kTable + 8, 0x10a003);
    debugger->on_interrupted();
    EXPECT_TRUE(guarded());
    EXPECT_EQ(prepare(), "");
}

TEST_F(PhysicalPageGuardTest, AChangeThroughAMappingIsReportedWithBothValues) {
    watch_physical(kPhysical);
    prepare();
    resume();
    about_to_store(TestGuest::kMapped + 0x1000);
    ASSERT_TRUE(debugger->on_write_fault());
    guest.poke<std::uint8_t>(kPhysical, 7);
    stepped_to(kCode + 2);
    ASSERT_TRUE(reason<gdbstub::StoppedBySignal>());
    EXPECT_EQ(last_stop.console, "why\n");
    EXPECT_EQ(judge.before, 0);
    EXPECT_EQ(judge.after, 7);
    EXPECT_TRUE(protection->closed());
}

TEST_F(PhysicalPageGuardTest, SoIsOneThatKvmCouldNotMake) {
    watch_physical(kPhysical);
    prepare();
    resume();
    const std::byte data[] = {std::byte{9}};
    EXPECT_TRUE(debugger->on_unwritten(Gpa{kPhysical}, data));
    last_stop = coordinator->last_stop();
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedBySignal>(last_stop.reason));
    EXPECT_EQ(judge.before, 0);
    EXPECT_EQ(judge.after, 9);
}

TEST_F(PhysicalPageGuardTest, AWriteOfTheSameValueByKvmIsNoChange) {
    watch_physical(kPhysical);
    prepare();
    resume();
    const std::byte data[] = {std::byte{0}};
    EXPECT_TRUE(debugger->on_unwritten(Gpa{kPhysical}, data));
    EXPECT_EQ(judge.after, -1);
}

}  // namespace
}  // namespace ringside::debug
