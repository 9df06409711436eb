#include "vmm/debug/target/notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arch/x86_64/control_bits.h"
#include "tests/unit/vmm/debug/breakpoints/breakpoint_table_fixture.h"

namespace ringside::debug {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ListeningOwner final : public DebuggerOwner {
  public:
    std::string console, log;
    void post(std::function<void()> work) override { work(); }
    void on_console(const std::string& text) override { console += text; }
    void on_notice(const std::string& text) override { log += text; }
    void on_unattended_fatal(machine::FatalExit, const std::string&) override {}
    void on_panic(bool) override {}
};

class NoticesTest : public BreakpointTableTest {
  protected:
    ListeningOwner owner;
    Notices notices{owner};
};

TEST_F(NoticesTest, NothingIsSaidOfBreakpointsThatCostNothing) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    notices.of_plan(table_.plan(), everything());
    EXPECT_THAT(owner.console, IsEmpty());
}

TEST_F(NoticesTest, AWatchpointThatIsSteppedForIsNamedAsTheCauseInShortLines) {
    auto abilities = everything();
    abilities.data_slots = false;
    use(abilities);
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kCode, 4));
    notices.of_plan(table_.plan(), abilities);
    EXPECT_THAT(owner.console, HasSubstr("for 1 watchpoint: data slots do not work on this host's KVM.\n"));
    EXPECT_THAT(owner.console, Not(HasSubstr("handler")));
    EXPECT_THAT(owner.console, Not(ContainsRegex("[^\n]{100}"))) << "a line that is too long";
    EXPECT_THAT(owner.log, HasSubstr("watchpoint"));
}

TEST_F(NoticesTest, ProtectedPagesAreNamedOnceAndSoIsTheirEnd) {
    auto abilities = everything();
    abilities.data_slots = false;
    use(abilities);
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kCode, 4));
    table_.set_guarded(true);
    notices.of_plan(table_.plan(), abilities);
    EXPECT_THAT(owner.console,
                HasSubstr("The pages of 1 watchpoint are write-protected: data slots do not work "));
    EXPECT_THAT(owner.console, Not(HasSubstr("stepped")));
    EXPECT_THAT(owner.console, Not(ContainsRegex("[^\n]{100}"))) << "a line that is too long";
    owner.console.clear();
    notices.of_plan(table_.plan(), abilities);
    EXPECT_THAT(owner.console, IsEmpty());
    notices.of_guard_end("the guest has become a hypervisor");
    EXPECT_THAT(owner.console, HasSubstr("single-stepped for the watchpoints from now on: the guest has"));
    owner.console.clear();
    table_.set_guarded(false);
    notices.of_plan(table_.plan(), abilities, "the guest is a hypervisor");
    EXPECT_THAT(owner.console, IsEmpty()) << "it was said";
}

TEST_F(NoticesTest, SteppingInPlaceOfProtectionIsExplained) {
    auto abilities = everything();
    abilities.data_slots = false;
    use(abilities);
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kCode, 4));
    notices.of_plan(table_.plan(), abilities, "a process may have them");
    EXPECT_THAT(owner.console, HasSubstr("Their pages are not write-protected: a process may have them.\n"));
}

TEST_F(NoticesTest, BreakpointsWithoutASlotAreCounted) {
    for (std::uint64_t i = 0; i < 6; ++i)
        ASSERT_TRUE(insert(BreakpointKind::Hardware, kCode + i));
    notices.of_plan(table_.plan(), everything());
    EXPECT_THAT(owner.console, HasSubstr("for 2 breakpoints: no debug slot is free.\n"));
}

TEST_F(NoticesTest, EachIsGivenOnce) {
    use({});
    ASSERT_TRUE(insert(BreakpointKind::Hardware, kCode));
    notices.of_plan(table_.plan(), {});
    EXPECT_THAT(owner.console, HasSubstr("Accesses by interrupt handlers may be missed"));
    owner.console.clear();
    notices.of_plan(table_.plan(), {});
    EXPECT_THAT(owner.console, IsEmpty());
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kCode, 1));
    notices.of_plan(table_.plan(), {});
    EXPECT_THAT(owner.console, HasSubstr("for 1 watchpoint")) << "another cause";
}

TEST_F(NoticesTest, AnOverwrittenBreakpointIsReportedWithTheStop) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_THAT(notices.of_overwritten(table_), IsEmpty());
    guest_.poke(kCode, std::uint8_t{0x55});
    EXPECT_THAT(notices.of_overwritten(table_),
                HasSubstr("the breakpoint at 0x20000, and may have passed it without a stop.\n"));
    EXPECT_THAT(owner.console, IsEmpty());
}

TEST_F(NoticesTest, EachClientIsToldOnceThatItSeesTheLowerHalvesOfRegisters) {
    const x86::GeneralRegisters general;
    x86::SystemRegisters system;
    system.cr0 = x86::cr0::kPe | x86::cr0::kPg;
    EXPECT_THAT(notices.of_narrow_registers(general, system), IsEmpty()) << "32-bit mode";
    system.efer = x86::efer::kLme | x86::efer::kLma;
    EXPECT_THAT(notices.of_narrow_registers(general, system), IsEmpty()) << "compatibility mode";
    system.cs.l = true;
    EXPECT_THAT(notices.of_narrow_registers(general, system), HasSubstr("--gdb-arch x86-64"));
    EXPECT_THAT(notices.of_narrow_registers(general, system), IsEmpty());
    notices.forget_client();
    EXPECT_THAT(notices.of_narrow_registers(general, system), HasSubstr("`monitor registers`"));
}

}  // namespace
}  // namespace ringside::debug
