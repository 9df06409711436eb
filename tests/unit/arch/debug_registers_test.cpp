#include "arch/x86_64/debug_registers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringside::x86 {
namespace {

using testing::ElementsAre;

TEST(Dr7, EncodesConditionAndLengthOfEachSlot) {
    Dr7 dr7;
    EXPECT_EQ(dr7.raw(), 0x400u);
    EXPECT_TRUE(dr7.enable(0, DebugCondition::Execute, 1));
    EXPECT_EQ(dr7.raw(), 0x402u);
    EXPECT_TRUE(dr7.enable(1, DebugCondition::Write, 4));  // RW1 = 01, LEN1 = 11
    EXPECT_EQ(dr7.raw(), 0x00d0040au);
    EXPECT_TRUE(dr7.enable(3, DebugCondition::ReadWrite, 8));  // RW3 = 11, LEN3 = 10
    EXPECT_EQ(dr7.raw(), 0xb0d0048au);
    dr7.disable(1);
    EXPECT_EQ(dr7.raw(), 0xb0000482u);
    EXPECT_FALSE(dr7.enabled(1));
}

TEST(Dr7, ReadsBackWhatItWasGiven) {
    for (unsigned slot = 0; slot < kDebugSlots; ++slot) {
        for (const auto condition : {DebugCondition::Write, DebugCondition::ReadWrite}) {
            for (const unsigned length : {1u, 2u, 4u, 8u}) {
                Dr7 dr7;
                ASSERT_TRUE(dr7.enable(slot, condition, length));
                const Dr7 copy = Dr7::from_raw(dr7.raw());
                EXPECT_TRUE(copy.enabled(slot));
                EXPECT_EQ(copy.condition(slot), condition);
                EXPECT_EQ(copy.length(slot), length);
            }
        }
    }
}

TEST(Dr7, RefusesWhatHardwareCannotDo) {
    Dr7 dr7;
    EXPECT_FALSE(dr7.enable(4, DebugCondition::Write, 1));
    EXPECT_FALSE(dr7.enable(0, DebugCondition::Execute, 2));
    EXPECT_FALSE(dr7.enable(0, DebugCondition::Io, 8));
    EXPECT_FALSE(dr7.enable(0, DebugCondition::Write, 3));
    EXPECT_EQ(dr7, Dr7{});
    EXPECT_FALSE(dr7.enabled(17));
}

TEST(Dr7, DropsReservedBits) {
    EXPECT_EQ(Dr7::from_raw(~std::uint64_t{0}).raw(), 0xffff2fffu);
    EXPECT_EQ(Dr7::from_raw(0).raw(), 0x400u);
}

TEST(Dr7, SeesLocalEnables) {
    EXPECT_TRUE(Dr7::from_raw(0x10).enabled(2));
    EXPECT_TRUE(Dr7::from_raw(0x10).any_enabled());
    EXPECT_FALSE(Dr7::from_raw(0x300).any_enabled());
}

TEST(ValidSlot, WantsNaturalAlignment) {
    EXPECT_TRUE(is_valid_slot(DebugCondition::Write, Gva{0x1008}, 8));
    EXPECT_FALSE(is_valid_slot(DebugCondition::Write, Gva{0x1004}, 8));
    EXPECT_TRUE(is_valid_slot(DebugCondition::Execute, Gva{0x1001}, 1));
    EXPECT_FALSE(is_valid_slot(DebugCondition::ReadWrite, Gva{0x1001}, 2));
    EXPECT_FALSE(is_valid_slot(DebugCondition::Write, Gva{0}, 0));
}

TEST(Dr6, SaysWhyAnExceptionCame) {
    const Dr6 clear;
    EXPECT_FALSE(clear.single_step() || clear.task_switch() || clear.debug_register_access());
    const Dr6 both = Dr6::from_raw(0xffff4ff1);
    EXPECT_TRUE(both.single_step());
    EXPECT_TRUE(both.slot_condition(0));
    EXPECT_FALSE(both.slot_condition(1));
}

TEST(Dr6, CountsOnlyEnabledSlotsAsHits) {
    Dr7 dr7;
    dr7.enable(2, DebugCondition::Write, 4);
    EXPECT_EQ(Dr6::from_raw(0xffff0ff6).hits(dr7), 4u);
}

TEST(SplitWatchRange, MakesAlignedPieces) {
    EXPECT_THAT(split_watch_range(Gva{0x1000}, 8)->chunks(), ElementsAre(WatchChunk{Gva{0x1000}, 8}));
    EXPECT_THAT(
        split_watch_range(Gva{0x1003}, 6)->chunks(),
        ElementsAre(WatchChunk{Gva{0x1003}, 1}, WatchChunk{Gva{0x1004}, 4}, WatchChunk{Gva{0x1008}, 1}));
    EXPECT_THAT(split_watch_range(Gva{0x1000}, 8, 4)->chunks(),
                ElementsAre(WatchChunk{Gva{0x1000}, 4}, WatchChunk{Gva{0x1004}, 4}));
    EXPECT_EQ(split_watch_range(Gva{0x1000}, 32)->chunks().size(), 4u);
}

TEST(SplitWatchRange, RefusesWhatFourSlotsCannotHold) {
    EXPECT_FALSE(split_watch_range(Gva{0x1000}, 33));
    EXPECT_FALSE(split_watch_range(Gva{0x1000}, 0));
    EXPECT_FALSE(split_watch_range(Gva{0x1000}, ~std::uint64_t{0}));
    EXPECT_FALSE(split_watch_range(Gva{~std::uint64_t{0}}, 2));
    EXPECT_THAT(split_watch_range(Gva{~std::uint64_t{0}}, 1)->chunks(),
                ElementsAre(WatchChunk{Gva{~std::uint64_t{0}}, 1}));
}

}  // namespace
}  // namespace ringside::x86
