// L2's addresses through two levels of tables that are both not the identity.
#include "arch/x86_64/second_level.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kTable = 7;                           // both formats: everything allowed
constexpr std::uint64_t kPresent = 1, kWrite = 2, kUser = 4;  // in page tables and nested page tables
constexpr std::uint64_t kEptRead = 1, kEptWrite = 2, kEptAll = 7, kEptWriteBack = 0x30, kLarge = 0x80;
constexpr std::uint64_t kRoot = 0x100000;
constexpr PagingRegisters kLongMode{cr0::kPe | cr0::kPg, 0x1000, cr4::kPae, efer::kLme | efer::kLma};
constexpr PagingRegisters kL1{cr0::kPe | cr0::kPg, 0x900000, cr4::kPae, efer::kLme | efer::kLma};

class SecondLevel : public testing::TestWithParam<InnerGuest::Tables> {
  protected:
    // L2's physical page n is L1's page 0x400 + 3n; its tables are pages 1 to 4, its virtual page 5 is its page 9.
    SecondLevel() {
        for (std::uint64_t level = 0; level < 3; ++level)
            memory_[kRoot + level * 0x1000] = (kRoot + (level + 1) * 0x1000) | kTable;
        for (std::uint64_t page = 1; page <= 9; ++page)
            map(page, place(page) | kTable | leaf_bits());
        for (std::uint64_t level = 1; level <= 3; ++level)
            memory_[place(level)] = ((level + 1) << 12) | kPresent | kWrite;
        memory_[place(4) + 5 * 8] = 9 << 12 | kPresent | kWrite;
        system_.cr0 = kLongMode.cr0, system_.cr3 = kLongMode.cr3, system_.cr4 = kLongMode.cr4;
        system_.efer = kLongMode.efer;
        system_.inner.known = system_.inner.running = true;
        system_.inner.tables = GetParam();
        system_.inner.root = kRoot | (GetParam() == InnerGuest::Tables::Ept ? 0x1e : 0);
        system_.inner.other = kL1;
    }

    std::uint64_t leaf_bits() const { return GetParam() == InnerGuest::Tables::Ept ? kEptWriteBack : 0; }
    static std::uint64_t place(std::uint64_t l2_page) { return (0x400 + 3 * l2_page) << 12; }
    void map(std::uint64_t l2_page, std::uint64_t entry) { memory_[kRoot + 0x3000 + l2_page * 8] = entry; }
    tl::expected<Translation, WalkFailure> walk(std::uint64_t gva) {
        const auto reader = [this](Gpa gpa, unsigned) -> std::optional<std::uint64_t> {
            const auto found = memory_.find(gpa.value);
            return found == memory_.end() ? 0 : found->second;
        };
        return translate(system_, 40, Gva{gva}, reader);
    }

    std::map<std::uint64_t, std::uint64_t> memory_;
    SystemRegisters system_;
};

TEST_P(SecondLevel, BothLevelsAreWalked) {
    const auto page = walk(0x5678);
    ASSERT_TRUE(page) << describe(page.error());
    EXPECT_EQ(page->gpa.value, place(9) + 0x678);
    EXPECT_EQ(page->page_size, 0x1000U);
    EXPECT_TRUE(page->permissions.writable);
    EXPECT_EQ(page->steps[0].entry_gpa.value, 0x1000U);  // where L2 sees its own tables
}

TEST_P(SecondLevel, APageThatL1DoesNotMapIsNamed) {
    map(9, 0);
    EXPECT_THAT(describe(walk(0x5678).error()),
                HasSubstr("guest-physical address 0x9678 of the inner guest"));
}

TEST_P(SecondLevel, ATableThatL1DoesNotMapFailsTheWalk) {
    map(3, 0);
    EXPECT_EQ(walk(0x5000).error().reason, WalkFailureReason::EntryNotBacked);
}

TEST_P(SecondLevel, WhatEitherLevelForbidsIsForbidden) {
    map(9, place(9) | kEptRead | kUser | leaf_bits());
    EXPECT_FALSE(walk(0x5000)->permissions.writable);
}

TEST_P(SecondLevel, ALargePageOfTheSecondLevelIsNoLargePage) {
    memory_[kRoot + 0x2000] = 0x40000000 | kTable | kLarge | leaf_bits();
    memory_[0x40001000] = 2 << 12 | kPresent | kWrite;
    memory_[0x40002000] = 3 << 12 | kPresent | kWrite;
    memory_[0x40003000] = 4 << 12 | kPresent | kWrite;
    memory_[0x40004028] = 9 << 12 | kPresent;
    const auto page = walk(0x5678);
    ASSERT_TRUE(page) << describe(page.error());
    EXPECT_EQ(page->gpa.value, 0x40009678U);
    EXPECT_EQ(page->page_size, 0x1000U);
    EXPECT_FALSE(page->permissions.writable);
}

INSTANTIATE_TEST_SUITE_P(All, SecondLevel,
                         testing::Values(InnerGuest::Tables::Ept, InnerGuest::Tables::Nested),
                         [](const auto& instance) {
                             return instance.param == InnerGuest::Tables::Ept ? "Ept" : "Nested";
                         });

TEST(Levels, AnOrdinaryGuestIsWalkedOnce) {
    SystemRegisters system;
    system.cr0 = cr0::kPe;
    EXPECT_EQ(level_of(system), GuestLevel::L1);
    const auto page =
        translate(system, 40, Gva{0x1234}, [](Gpa, unsigned) { return std::optional<std::uint64_t>(); });
    EXPECT_EQ(page->gpa.value, 0x1234U);
}

TEST(Levels, TheOtherLevelsRegistersAreSwappedIn) {
    SystemRegisters system;
    system.cr3 = 0x1000;
    system.inner.known = system.inner.running = true;
    system.inner.other = kL1;
    const SystemRegisters l1 = at_level(system, GuestLevel::L1);
    EXPECT_EQ(level_of(l1), GuestLevel::L1);
    EXPECT_EQ(l1.cr3, kL1.cr3);
    EXPECT_EQ(l1.cr0, kL1.cr0);
    EXPECT_EQ(at_level(l1, GuestLevel::L2), system);
    EXPECT_EQ(at_level(system, GuestLevel::L2), system);
}

TEST(Levels, WithoutAnInnerGuestItsAddressesAreNowhere) {
    const auto page = translate(at_level(SystemRegisters{}, GuestLevel::L2), 40, Gva{0x1000},
                                [](Gpa, unsigned) { return std::optional<std::uint64_t>(0); });
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().reason, WalkFailureReason::NoInnerGuest);
    EXPECT_THAT(describe(page.error()), HasSubstr("cannot be looked up in an inner guest"));
}

}  // namespace
}  // namespace ringside::x86
