// Breakpoints of a hypervisor (L1) and of its guest (L2), which may be on the same virtual address.
#include "tests/unit/vmm/debug/breakpoints/breakpoint_table_fixture.h"

namespace ringside::debug {
namespace {

// L2 has one page of its physical memory, which is L1's page at kL2Place, and no paging.
constexpr std::uint64_t kEpt = 0x30000, kL2Place = 0x50000;

class BreakpointLevels : public BreakpointTableTest {
  protected:
    BreakpointLevels() {
        for (std::uint64_t level = 0; level < 3; ++level)
            guest_.poke(kEpt + level * 0x1000, (kEpt + (level + 1) * 0x1000) | 7);
        guest_.poke(kEpt + 0x3000 + (kCode >> 12) * 8, kL2Place | 0x37);
        guest_.poke(kL2Place, kNop);
    }

    // What a vCPU's registers say once there is an L2, in one of the two levels.
    void run(x86::GuestLevel level) {
        x86::SystemRegisters& system = guest_.state.system;
        const bool was_known = std::exchange(system.inner.known, true);
        system.inner.tables = x86::InnerGuest::Tables::Ept;
        system.inner.root = kEpt | 0x1e;
        if (!was_known)
            system.inner.other = {1, 0, 0, 0};
        system = x86::at_level(system, level);
    }
};

TEST_F(BreakpointLevels, AnInt3IsInThePageOfTheLevelThatIsStopped) {
    run(x86::GuestLevel::L2);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(table_.list().front()->level, x86::GuestLevel::L2);
    EXPECT_EQ(guest_.peek(kL2Place), kInt3);
    EXPECT_EQ(guest_.peek(kCode), kNop);
}

TEST_F(BreakpointLevels, ABreakpointThatIsPutBackInAnotherLevelStaysInItsOwn) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    remove(BreakpointKind::Software, kCode);
    run(x86::GuestLevel::L2);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(table_.list().front()->level, x86::GuestLevel::L1);
    EXPECT_EQ(mechanism(), Mechanism::Slot);  // an int3 in L1 might not be seen
    EXPECT_EQ(guest_.peek(kL2Place), kNop);
    run(x86::GuestLevel::L1);
    remove(BreakpointKind::Software, kCode);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(guest_.peek(kCode), kInt3);
}

TEST_F(BreakpointLevels, AChosenLevelIsThatOfNewBreakpoints) {
    run(x86::GuestLevel::L1);
    guest_.view.choose_level(x86::GuestLevel::L2);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(guest_.peek(kL2Place), kInt3);
    EXPECT_EQ(guest_.peek(kCode), kNop);
}

TEST_F(BreakpointLevels, AnAddressThatL2DoesNotHaveIsL1s) {
    run(x86::GuestLevel::L2);
    guest_.poke(kOtherCode + 0x1000, kNop);
    ASSERT_TRUE(insert(BreakpointKind::Software, kOtherCode + 0x1000));
    EXPECT_EQ(table_.list().front()->level, x86::GuestLevel::L1);
    EXPECT_EQ(mechanism(), Mechanism::Slot);
}

TEST_F(BreakpointLevels, AWatchpointIsOfTheLevelThatIsStoppedOrOfTheOnlyOneThatHasItsAddress) {
    run(x86::GuestLevel::L2);
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kCode));
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kOtherCode + 0x1000));
    EXPECT_EQ(table_.list().front()->level, x86::GuestLevel::L2);
    EXPECT_EQ(table_.list().back()->level, x86::GuestLevel::L1);
    EXPECT_FALSE(table_.list().back()->level_open);
}

TEST_F(BreakpointLevels, UnlessL2HasBeenChosen) {
    run(x86::GuestLevel::L2);
    guest_.view.choose_level(x86::GuestLevel::L2);
    guest_.poke(kOtherCode + 0x1000, kNop);
    ASSERT_TRUE(insert(BreakpointKind::Software, kOtherCode + 0x1000));
    EXPECT_EQ(table_.list().front()->level, x86::GuestLevel::L2);
    EXPECT_TRUE(table_.list().front()->waiting);
    EXPECT_EQ(guest_.peek(kOtherCode + 0x1000), kNop);
}

TEST_F(BreakpointLevels, AnAddressThatOnlyL2HasIsL2sOnceItIsKnown) {
    constexpr std::uint64_t kOnlyInL2 = TestGuest::kHole;
    guest_.poke(kEpt + 0x2000 + 8, std::uint64_t{kEpt + 0x4000} | 7);
    guest_.poke(kEpt + 0x4000 + (kOnlyInL2 >> 12 & 0x1ff) * 8, kL2Place | 0x37);
    ASSERT_TRUE(insert(BreakpointKind::Software, kOnlyInL2));
    EXPECT_TRUE(table_.list().front()->level_open);
    remove(BreakpointKind::Software, kOnlyInL2);
    run(x86::GuestLevel::L1);
    ASSERT_TRUE(insert(BreakpointKind::Software, kOnlyInL2));
    EXPECT_EQ(table_.list().front()->level, x86::GuestLevel::L2);
    EXPECT_FALSE(table_.list().front()->level_open);
    EXPECT_EQ(guest_.peek(kL2Place), kInt3);
}

TEST_F(BreakpointLevels, ForgottenLevelsAreThoseOfTheNextInsertion) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    remove(BreakpointKind::Software, kCode);
    run(x86::GuestLevel::L2);
    table_.forget_levels();
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(guest_.peek(kL2Place), kInt3);
}

}  // namespace
}  // namespace ringside::debug
