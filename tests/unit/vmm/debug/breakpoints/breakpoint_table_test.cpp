// The mechanism of each breakpoint, on hosts of every kind, and its effect on memory.
#include "arch/x86_64/control_bits.h"
#include "tests/unit/vmm/debug/breakpoints/breakpoint_table_fixture.h"

namespace ringside::debug {
namespace {

constexpr std::array<std::uint8_t, 5> kLongNop{0x0f, 0x1f, 0x44, 0x00, 0x00};

TEST_F(BreakpointTableTest, ASoftwareBreakpointIsAnInt3ThatNoClientSees) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(mechanism(), Mechanism::Planted);
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    EXPECT_EQ(seen_by_a_client(kCode), std::byte{kNop});
    EXPECT_TRUE(table_.plan().int3s);
    remove(BreakpointKind::Software, kCode);
    EXPECT_EQ(guest_.peek(kCode), kNop);
    EXPECT_TRUE(table_.empty());
}

TEST_F(BreakpointTableTest, AnInt3BelongsToThePhysicalPage) {
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kMapped));
    EXPECT_EQ(guest_.peek(kMappedGpa), kInt3);
    EXPECT_NE(table_.planted_at(Gpa{kMappedGpa}), nullptr);
    EXPECT_EQ(table_.planted_at(Gpa{TestGuest::kMapped}), nullptr);
}

TEST_F(BreakpointTableTest, TwoNamesOfOneByteShareItsInt3) {
    guest_.poke(TestGuest::kTable + 8, kMappedGpa | 3);  // the next page leads to the same frame
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kMapped));
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kMapped + 0x1000));
    remove(BreakpointKind::Software, TestGuest::kMapped);
    EXPECT_EQ(guest_.peek(kMappedGpa), kInt3);
    remove(BreakpointKind::Software, TestGuest::kMapped + 0x1000);
    EXPECT_EQ(guest_.peek(kMappedGpa), kNop);
}

TEST_F(BreakpointTableTest, AnInsertionTwiceIsOne) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(table_.list().size(), 1U);
    remove(BreakpointKind::Software, kCode);
    EXPECT_EQ(guest_.peek(kCode), kNop);
}

TEST_F(BreakpointTableTest, ARemovalOfNothingIsNoError) {
    remove(BreakpointKind::Software, kCode);
    EXPECT_EQ(guest_.peek(kCode), kNop);
}

TEST_F(BreakpointTableTest, WhereInt3IsUnusableADebugSlotTakesItsPlace) {
    auto abilities = everything();
    abilities.int3_long = Int3::GoesToGuest;
    use(abilities);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(mechanism(), Mechanism::Slot);
    EXPECT_EQ(guest_.peek(kCode), kNop);
    EXPECT_EQ(table_.plan().slots[0], kCode);
    EXPECT_FALSE(table_.plan().int3s);
}

TEST_F(BreakpointTableTest, BelowOneMebibyteRealModesVerdictCounts) {
    auto abilities = everything();
    abilities.int3_real = Int3::GoesToGuest;
    use(abilities);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kMapped));
    EXPECT_EQ(mechanism(0), Mechanism::Slot);
    EXPECT_EQ(mechanism(1), Mechanism::Planted);
}

TEST_F(BreakpointTableTest, WhenSlotsAreOutTheRestIsStepped) {
    for (std::uint64_t i = 0; i < 5; ++i)
        ASSERT_TRUE(insert(BreakpointKind::Hardware, kCode + i));
    EXPECT_EQ(mechanism(3), Mechanism::Slot);
    EXPECT_EQ(mechanism(4), Mechanism::Stepping);
    EXPECT_TRUE(table_.plan().needs_stepping());
    remove(BreakpointKind::Hardware, kCode);
    EXPECT_EQ(mechanism(3), Mechanism::Slot);
    EXPECT_FALSE(table_.plan().needs_stepping());
}

TEST_F(BreakpointTableTest, WatchpointsComeFirstForTheyHaveNoOtherWay) {
    for (std::uint64_t i = 0; i < 4; ++i)
        ASSERT_TRUE(insert(BreakpointKind::Hardware, kCode + i));
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kOtherCode, 4));
    EXPECT_EQ(mechanism(4), Mechanism::Slot);
    EXPECT_EQ(mechanism(3), Mechanism::Stepping);
}

TEST_F(BreakpointTableTest, AnUnalignedWatchpointTakesSeveralSlots) {
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kCode + 2, 4));
    EXPECT_EQ(mechanism(), Mechanism::Slot);
    EXPECT_EQ(table_.plan().owner[0], table_.list()[0]);
    EXPECT_EQ(table_.plan().owner[1], table_.list()[0]);
    EXPECT_EQ(table_.plan().owner[2], nullptr);
}

TEST_F(BreakpointTableTest, AReadWatchpointHasASecondSlotThatTellsWrites) {
    ASSERT_TRUE(insert(BreakpointKind::ReadWatch, kCode, 8));
    const DebugPlan& plan = table_.plan();
    EXPECT_EQ(plan.owner[0], table_.list()[0]);
    EXPECT_EQ(plan.owner[1], table_.list()[0]);
    EXPECT_EQ(plan.slots[0], plan.slots[1]);
    EXPECT_EQ(plan.write_slots, 0b01U);
    EXPECT_EQ(plan.dr7.condition(0), x86::DebugCondition::Write);
    EXPECT_EQ(plan.dr7.condition(1), x86::DebugCondition::ReadWrite);
    ASSERT_TRUE(insert(BreakpointKind::AccessWatch, kOtherCode, 8));
    EXPECT_EQ(table_.plan().write_slots, 0b01U);
    ASSERT_TRUE(insert(BreakpointKind::ReadWatch, kOtherCode + 8, 8));
    EXPECT_EQ(mechanism(2), Mechanism::Stepping) << "for want of two slots";
}

TEST_F(BreakpointTableTest, AHostWithoutDataSlotsStepsForWatchpoints) {
    auto abilities = everything();
    abilities.data_slots = false;
    use(abilities);
    ASSERT_TRUE(insert(BreakpointKind::AccessWatch, kCode, 8));
    EXPECT_EQ(mechanism(), Mechanism::Stepping);
    EXPECT_EQ(table_.plan().stepped_watchpoints.size(), 1U);
}

TEST_F(BreakpointTableTest, AWatchpointOfNothingOrOnePastTheEndIsRefused) {
    EXPECT_FALSE(insert(BreakpointKind::WriteWatch, kCode, 0));
    EXPECT_FALSE(insert(BreakpointKind::WriteWatch, ~std::uint64_t{0}, 2));
    EXPECT_TRUE(table_.empty());
}

TEST_F(BreakpointTableTest, ABreakpointOnAnUnmappedPageTakesASlotUntilThePageAppears) {
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kHole));
    EXPECT_EQ(mechanism(), Mechanism::Slot);
    EXPECT_TRUE(table_.list()[0]->waiting);
    guest_.poke(TestGuest::kTable + 8 * 3, kMappedGpa | 3);
    table_.settle(guest_.view, guest_.state.system);
    EXPECT_EQ(mechanism(), Mechanism::Planted);
    EXPECT_EQ(guest_.peek(kMappedGpa), kInt3);
    EXPECT_FALSE(table_.plan().dr7.any_enabled());
}

TEST_F(BreakpointTableTest, MoreBreakpointsOnAnUnmappedPageThanSlotsAreSteppedForUntilThePageAppears) {
    for (std::uint64_t i = 0; i < 5; ++i)
        ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kHole + 16 * i));
    for (std::uint64_t i = 0; i < 5; ++i)
        guest_.poke(kMappedGpa + 16 * i, kNop);
    EXPECT_TRUE(table_.plan().needs_stepping());
    EXPECT_FALSE(table_.can_settle(guest_.view, guest_.state.system));
    guest_.poke(TestGuest::kTable + 8 * 3, kMappedGpa | 3);
    EXPECT_TRUE(table_.can_settle(guest_.view, guest_.state.system));
    table_.settle(guest_.view, guest_.state.system);
    EXPECT_FALSE(table_.plan().needs_stepping());
    EXPECT_FALSE(table_.can_settle(guest_.view, guest_.state.system));
    EXPECT_EQ(mechanism(4), Mechanism::Planted);
}

// As for a kernel of the upper gigabyte before it turns paging on.
TEST_F(BreakpointTableTest, MoreBreakpointsOutsideMemoryThanSlotsAreSteppedForUntilTheyLeadToMemory) {
    guest_.state.system.cr0 = x86::cr0::kPe;
    guest_.state.system.efer = 0;
    constexpr std::uint64_t kHigh = 0xc0000000;
    for (std::uint64_t i = 0; i < 5; ++i) {
        ASSERT_TRUE(insert(BreakpointKind::Software, kHigh + 16 * i));
        guest_.poke(16 * i, kNop);
    }
    EXPECT_TRUE(table_.plan().needs_stepping());
    EXPECT_FALSE(table_.can_settle(guest_.view, guest_.state.system));
    guest_.poke(kCode, std::uint64_t{0});
    guest_.poke(kCode + 8, std::uint64_t{0});
    guest_.poke(0x30000 + 4 * (kHigh >> 22), std::uint32_t{0x83});
    guest_.state.system.cr0 = x86::cr0::kPe | x86::cr0::kPg;
    guest_.state.system.cr4 = 0x10;  // PSE
    guest_.state.system.cr3 = 0x30000;
    EXPECT_TRUE(table_.can_settle(guest_.view, guest_.state.system));
    table_.settle(guest_.view, guest_.state.system);
    EXPECT_FALSE(table_.plan().needs_stepping());
}

TEST_F(BreakpointTableTest, APageWithoutExecutePermissionTakesASlotForAnInt3ThereIsNeverExecuted) {
    constexpr std::uint64_t kNoExecute = std::uint64_t{1} << 63;
    guest_.poke(TestGuest::kTable, kMappedGpa | 3 | kNoExecute);
    guest_.state.system.efer |= x86::efer::kNxe;
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kMapped));
    EXPECT_EQ(mechanism(), Mechanism::Slot);
    EXPECT_EQ(guest_.peek(kMappedGpa), kNop);
    for (std::uint64_t i = 1; i < 5; ++i)
        ASSERT_TRUE(insert(BreakpointKind::Hardware, kCode + i));
    EXPECT_EQ(mechanism(), Mechanism::Stepping) << "and never an int3";
    guest_.poke(TestGuest::kTable, kMappedGpa | 3);
    EXPECT_TRUE(table_.can_settle(guest_.view, guest_.state.system));
}

TEST_F(BreakpointTableTest, WhereThereIsNoCodeYetASlotIsTakenWhileOneIsFree) {
    constexpr std::uint64_t kEmpty = 0x50000;
    ASSERT_TRUE(insert(BreakpointKind::Software, kEmpty));
    EXPECT_EQ(mechanism(), Mechanism::Slot);
    for (std::uint64_t i = 1; i < 5; ++i)
        ASSERT_TRUE(insert(BreakpointKind::Hardware, kCode + i));
    EXPECT_EQ(mechanism(), Mechanism::Planted);
    EXPECT_FALSE(table_.plan().needs_stepping());
    EXPECT_TRUE(table_.overwritten().empty());
    guest_.poke(kEmpty, std::uint8_t{0x55});
    ASSERT_EQ(table_.overwritten().size(), 1U);
    EXPECT_EQ(table_.overwritten()[0]->request.address, kEmpty);
    table_.settle(guest_.view, guest_.state.system);
    EXPECT_TRUE(table_.overwritten().empty()) << "it has been set again";
    EXPECT_EQ(guest_.peek(kEmpty), kInt3);
}

TEST_F(BreakpointTableTest, WithoutSlotsTheGuestIsSteppedUntilThereIsCodeToPlantABreakpointOn) {
    constexpr std::uint64_t kEmpty = 0x50000;
    auto abilities = everything();
    abilities.execute_slots = false;
    use(abilities);
    ASSERT_TRUE(insert(BreakpointKind::Software, kEmpty));
    EXPECT_EQ(mechanism(), Mechanism::Stepping);
    EXPECT_FALSE(table_.can_settle(guest_.view, guest_.state.system));
    guest_.poke(kEmpty, std::uint8_t{0x55});
    EXPECT_TRUE(table_.can_settle(guest_.view, guest_.state.system));
    table_.settle(guest_.view, guest_.state.system);
    EXPECT_EQ(mechanism(), Mechanism::Planted);
    EXPECT_EQ(guest_.peek(kEmpty), kInt3);
}

TEST_F(BreakpointTableTest, CodeThatKernelsPatchStaysAsItIsWhileASlotIsFree) {
    guest_.poke(kCode, kLongNop);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(mechanism(), Mechanism::Slot);
    EXPECT_EQ(guest_.peek(kCode), kLongNop[0]);
    guest_.poke(kCode, std::uint8_t{0xe8});  // the guest patches a call in
    remove(BreakpointKind::Software, kCode);
    EXPECT_EQ(guest_.peek(kCode), 0xe8);
}

TEST_F(BreakpointTableTest, APatchSiteGivesItsSlotToWhoHasNoOtherWayAndTakesItBack) {
    guest_.poke(kCode, kLongNop);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kOtherCode, 32));
    EXPECT_EQ(mechanism(0), Mechanism::Planted);
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    EXPECT_TRUE(table_.plan().int3s);
    EXPECT_TRUE(table_.plan().disturbs);
    EXPECT_FALSE(table_.plan().needs_stepping());
    remove(BreakpointKind::WriteWatch, kOtherCode, 32);
    EXPECT_EQ(mechanism(0), Mechanism::Slot);
    EXPECT_EQ(guest_.peek(kCode), kLongNop[0]);
    EXPECT_FALSE(table_.plan().int3s);
    EXPECT_FALSE(table_.plan().disturbs);
}

TEST_F(BreakpointTableTest, APatchSiteIsAnInt3WhereSlotsDoNotWork) {
    auto abilities = everything();
    abilities.execute_slots = false;
    use(abilities);
    guest_.poke(kCode, kLongNop);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(mechanism(), Mechanism::Planted);
}

TEST_F(BreakpointTableTest, UserCodeIsNotPlantedWhileItsProcessIsUnknown) {
    constexpr std::uint64_t kUser = 4, kSmep = 1 << 20;
    for (const std::uint64_t entry :
         {TestGuest::kPml4, TestGuest::kPdpt, TestGuest::kDirectory + 8, TestGuest::kTable}) {
        std::uint64_t value = 0;
        std::memcpy(&value, guest_.memory.span(Gpa{entry}, sizeof value).data(), sizeof value);
        guest_.poke(entry, value | kUser);
    }
    guest_.state.system.cr4 |= kSmep;
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kMapped));  // at CPL 0: in some process
    EXPECT_EQ(mechanism(), Mechanism::Slot);
    EXPECT_EQ(guest_.peek(kMappedGpa), kNop);
    remove(BreakpointKind::Software, TestGuest::kMapped);

    ASSERT_TRUE(guest_.view.choose_address_space(TestGuest::kPml4));
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kMapped));  // in a certain one
    EXPECT_EQ(mechanism(), Mechanism::Planted);
    remove(BreakpointKind::Software, TestGuest::kMapped);
    ASSERT_TRUE(guest_.view.choose_address_space(std::nullopt));

    guest_.state.system.ss.dpl = 3;
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kMapped));  // in the one that is there
    EXPECT_EQ(mechanism(), Mechanism::Planted);
}

TEST_F(BreakpointTableTest, AnOverwrittenBreakpointIsPlantedAgainWhenTheGuestRunsOn) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    guest_.poke(kCode, std::uint8_t{0x55});
    table_.settle(guest_.view, guest_.state.system);
    EXPECT_EQ(guest_.peek(kCode), kInt3);
    EXPECT_EQ(seen_by_a_client(kCode), std::byte{0x55});
    remove(BreakpointKind::Software, kCode);
    EXPECT_EQ(guest_.peek(kCode), 0x55);
}

TEST_F(BreakpointTableTest, APageThatTheGuestHasTakenAwayKeepsWhatTheGuestWroteThere) {
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kMapped));
    guest_.poke(kMappedGpa, std::uint8_t{0x55});
    guest_.poke(TestGuest::kTable, std::uint64_t{0});
    table_.settle(guest_.view, guest_.state.system);
    EXPECT_EQ(guest_.peek(kMappedGpa), 0x55);
}

TEST_F(BreakpointTableTest, APageThatLeadsOutsideMemoryHoldsNoInt3) {
    ASSERT_TRUE(insert(BreakpointKind::Software, TestGuest::kNowhere));
    EXPECT_EQ(mechanism(), Mechanism::Slot);
}

TEST_F(BreakpointTableTest, WhereSlotsDoNotReachUserCodeAHardwareBreakpointThereIsAnInt3) {
    auto abilities = everything();
    abilities.execute_slots_user = false;
    use(abilities);
    constexpr std::uint64_t kUser = 4;
    for (const std::uint64_t entry :
         {TestGuest::kPml4, TestGuest::kPdpt, TestGuest::kDirectory + 8, TestGuest::kTable}) {
        std::uint64_t value = 0;
        std::memcpy(&value, guest_.memory.span(Gpa{entry}, sizeof value).data(), sizeof value);
        guest_.poke(entry, value | kUser);
    }
    ASSERT_TRUE(insert(BreakpointKind::Hardware, TestGuest::kMapped));
    EXPECT_EQ(mechanism(), Mechanism::Planted);
    EXPECT_TRUE(table_.plan().user_int3s);
    ASSERT_TRUE(insert(BreakpointKind::Hardware, TestGuest::kMapped + 0x1000));
    EXPECT_EQ(mechanism(1), Mechanism::Slot);
}

TEST_F(BreakpointTableTest, WithoutSlotsWhatTookOneIsSteppedAndAnInt3Stays) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    ASSERT_TRUE(insert(BreakpointKind::Hardware, kOtherCode));
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kOtherCode, 8));
    EXPECT_FALSE(table_.plan().needs_stepping());
    const DebugPlan& plan = table_.plan_without_slots();
    EXPECT_TRUE(plan.int3s);
    EXPECT_FALSE(plan.dr7.any_enabled());
    EXPECT_EQ(plan.stepped_breakpoints.size(), 1U);
    EXPECT_EQ(plan.stepped_watchpoints.size(), 1U);
}

// gdb takes its breakpoints out at each stop, and a user asks about them at a stop.
TEST_F(BreakpointTableTest, WhatIsRemovedAtAStopIsListedUntilTheGuestRunsOn) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    ++table_.planted_at(Gpa{kCode})->hits;
    remove(BreakpointKind::Software, kCode);
    ASSERT_EQ(table_.lines().size(), 1U);
    EXPECT_EQ(table_.lines()[0].mechanism, "int3");
    EXPECT_EQ(table_.lines()[0].hits, 1U);
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    ASSERT_EQ(table_.lines().size(), 1U);
    EXPECT_EQ(table_.lines()[0].hits, 1U) << "it goes on counting";
    remove(BreakpointKind::Software, kCode);
    table_.forget_removed();
    EXPECT_TRUE(table_.lines().empty());
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    EXPECT_EQ(table_.lines()[0].hits, 0U);
}

TEST_F(BreakpointTableTest, LeavingTakesEveryInt3Out) {
    ASSERT_TRUE(insert(BreakpointKind::Software, kCode));
    ASSERT_TRUE(insert(BreakpointKind::Software, kOtherCode));
    ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kCode, 1));
    table_.remove_all(machine_.token());
    EXPECT_EQ(guest_.peek(kCode), kNop);
    EXPECT_EQ(guest_.peek(kOtherCode), kNop);
    EXPECT_TRUE(table_.empty());
    EXPECT_FALSE(table_.plan().dr7.any_enabled());
}

TEST_F(BreakpointTableTest, RemovedOnesAreListedWithTheMechanismThatTheyRanBy) {
    for (std::uint64_t i = 0; i < 5; ++i)
        ASSERT_TRUE(insert(BreakpointKind::WriteWatch, kCode + 8 * i, 8));
    table_.settle(guest_.view, guest_.state.system);
    for (std::uint64_t i = 0; i < 5; ++i)
        remove(BreakpointKind::WriteWatch, kCode + 8 * i, 8);
    ASSERT_EQ(table_.lines().size(), 5U);
    EXPECT_EQ(table_.lines()[3].mechanism, "debug slot");
    EXPECT_EQ(table_.lines()[4].mechanism, "stepping") << "a slot was free only when the others were out";
}

}  // namespace
}  // namespace ringside::debug
