#include "vmm/debug/breakpoints/slot_setup.h"

#include "vmm/debug/breakpoints/guest_slots.h"

#include <gtest/gtest.h>

namespace ringside::debug {
namespace {

DebugPlan plan_with(unsigned used, Breakpoint& owner) {
    DebugPlan plan;
    for (unsigned slot = 0; slot < used; ++slot) {
        plan.slots[slot] = 0x1000 + slot;
        plan.owner[slot] = &owner;
        plan.dr7.enable(slot, x86::DebugCondition::Execute, 1);
    }
    return plan;
}

TEST(SlotSetup, TakesOverThePlan) {
    Breakpoint owner;
    auto plan = plan_with(2, owner);
    plan.int3s = true;
    const auto setup = SlotSetup::from(plan);
    EXPECT_EQ(setup.control.raw(), static_cast<std::uint32_t>(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP |
                                                              KVM_GUESTDBG_USE_HW_BP));
    EXPECT_EQ(setup.use[1], SlotUse::Plan);
    EXPECT_EQ(setup.use[2], SlotUse::None);
}

TEST(SlotSetup, AnEmptyPlanAsksForNothing) {
    EXPECT_EQ(SlotSetup::from(DebugPlan{}).control.raw(), 0U);
}

TEST(SlotSetup, AddsToAFreeSlotFirst) {
    Breakpoint owner;
    auto setup = SlotSetup::from(plan_with(3, owner));
    setup.add(SlotUse::StepTarget, x86::Gva{0x5000});
    EXPECT_EQ(setup.use[3], SlotUse::StepTarget);
    EXPECT_EQ(setup.address[3], 0x5000U);
    EXPECT_TRUE(setup.dr7.enabled(3));
}

TEST(SlotSetup, TakesTheTablesLastSlotWhenNoneIsFree) {
    Breakpoint owner;
    auto setup = SlotSetup::from(plan_with(4, owner));
    setup.add(SlotUse::DebugHandler, x86::Gva{0x5000});
    setup.add(SlotUse::StepTarget, x86::Gva{0x6000});
    EXPECT_EQ(setup.use[3], SlotUse::DebugHandler);
    EXPECT_EQ(setup.use[2], SlotUse::StepTarget);
    EXPECT_EQ(setup.use[1], SlotUse::Plan);
}

TEST(SlotSetup, ALentSlotExecutesWhateverItWatchedBefore) {
    Breakpoint owner;
    auto plan = plan_with(4, owner);
    plan.dr7.enable(3, x86::DebugCondition::Write, 8);
    auto setup = SlotSetup::from(plan);
    setup.add(SlotUse::StepTarget, x86::Gva{0x5000});
    EXPECT_EQ(setup.dr7.condition(3), x86::DebugCondition::Execute);
    EXPECT_EQ(setup.dr7.length(3), 1U);
}

x86::DebugRegisters guest_with(std::initializer_list<unsigned> slots) {
    x86::DebugRegisters own;
    auto dr7 = x86::Dr7::from_raw(own.dr7);
    for (const unsigned slot : slots) {
        own.dr[slot] = 0x8000 + 8 * slot;
        dr7.enable(slot, x86::DebugCondition::Write, 8);
    }
    own.dr7 = dr7.raw();
    return own;
}

TEST(GuestSlots, GoIntoFreeOnesAndKeepWhatTheyWatch) {
    Breakpoint owner;
    auto setup = SlotSetup::from(plan_with(2, owner));
    ASSERT_TRUE(add_guest_slots(setup, guest_with({0, 3})));
    EXPECT_EQ(setup.use, (std::array{SlotUse::Plan, SlotUse::Plan, SlotUse::Guest, SlotUse::Guest}));
    EXPECT_EQ(setup.address[2], 0x8000U);
    EXPECT_EQ(setup.address[3], 0x8018U);
    EXPECT_EQ(setup.dr7.condition(2), x86::DebugCondition::Write);
    EXPECT_EQ(setup.dr7.length(2), 8U);
}

TEST(GuestSlots, HitsHaveTheGuestsOwnNumbers) {
    Breakpoint owner;
    auto setup = SlotSetup::from(plan_with(2, owner));
    ASSERT_TRUE(add_guest_slots(setup, guest_with({0, 3})));
    EXPECT_EQ(guest_hits(setup, 0b1110), 0b1001U);
    EXPECT_EQ(debugger_hits(setup, 0b1110), 0b0010U);
}

TEST(GuestSlots, AreTooManyTogetherWithTheDebuggers) {
    Breakpoint owner;
    auto setup = SlotSetup::from(plan_with(3, owner));
    EXPECT_FALSE(add_guest_slots(setup, guest_with({0, 3})));
}

TEST(GuestSlots, DisabledOnesTakeNoRoom) {
    Breakpoint owner;
    auto setup = SlotSetup::from(plan_with(4, owner));
    EXPECT_TRUE(add_guest_slots(setup, guest_with({})));
    EXPECT_EQ(guest_hits(setup, 0b1111), 0U);
}

}  // namespace
}  // namespace ringside::debug
