#include "vmm/debug/guest/guest_view.h"

#include <array>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/debug/guest/test_guest.h"

namespace ringside::debug {
namespace {

using testing::TestGuest;

class GuestViewTest : public ::testing::Test {
  protected:
    TestGuest guest_;
};

TEST_F(GuestViewTest, ReadsAcrossPagesThatAreApartInPhysicalMemory) {
    guest_.poke<std::uint8_t>(0x100fff, 0x11);
    guest_.poke<std::uint8_t>(0x102000, 0x22);
    std::array<std::byte, 2> bytes{};
    ASSERT_EQ(guest_.view.read(guest_.state.system, Gva{TestGuest::kMapped + 0xfff}, bytes), 2U);
    EXPECT_EQ(bytes[0], std::byte{0x11});
    EXPECT_EQ(bytes[1], std::byte{0x22});
}

TEST_F(GuestViewTest, ReadsAsFarAsThereIsMemory) {
    std::vector<std::byte> bytes(0x3000);
    EXPECT_EQ(guest_.view.read(guest_.state.system, Gva{TestGuest::kHole - 0x800}, bytes), 0x800U);
}

TEST_F(GuestViewTest, SaysWhyNothingCouldBeRead) {
    std::array<std::byte, 4> bytes{};
    const auto hole = guest_.view.read(guest_.state.system, Gva{TestGuest::kHole}, bytes);
    ASSERT_FALSE(hole);
    EXPECT_NE(hole.error().message().find("not present"), std::string::npos) << hole.error().message();
    const auto nowhere = guest_.view.read(guest_.state.system, Gva{TestGuest::kNowhere}, bytes);
    ASSERT_FALSE(nowhere);
    EXPECT_NE(nowhere.error().message().find("no RAM"), std::string::npos) << nowhere.error().message();
}

TEST_F(GuestViewTest, WritesAllOrNothing) {
    guest_.poke<std::uint8_t>(0x104fff, 0x33);  // the last byte before the hole
    const std::array<std::byte, 2> data{std::byte{1}, std::byte{2}};
    EXPECT_FALSE(guest_.view.write(guest_.state.system, Gva{TestGuest::kHole - 1}, data));
    EXPECT_EQ(guest_.peek(0x104fff), 0x33);
    EXPECT_TRUE(guest_.view.write(guest_.state.system, Gva{TestGuest::kHole - 2}, data));
    EXPECT_EQ(guest_.peek(0x104ffe), 1);
    EXPECT_EQ(guest_.peek(0x104fff), 2);
}

TEST_F(GuestViewTest, HidesPlantedBytesFromReadsAndWritesUnderThem) {
    guest_.poke<std::uint8_t>(0x100010, 0xcc);
    guest_.planted.original[Gpa{0x100010}] = std::byte{0x55};
    std::array<std::byte, 3> bytes{};
    ASSERT_EQ(guest_.view.read(guest_.state.system, Gva{TestGuest::kMapped + 0xf}, bytes), 3U);
    EXPECT_EQ(bytes[1], std::byte{0x55});

    const std::array<std::byte, 1> data{std::byte{0x90}};
    ASSERT_TRUE(guest_.view.write(guest_.state.system, Gva{TestGuest::kMapped + 0x10}, data));
    EXPECT_EQ(guest_.peek(0x100010), 0xcc) << "the int3 stays in memory";
    EXPECT_EQ(guest_.planted.original[Gpa{0x100010}], std::byte{0x90});
}

TEST_F(GuestViewTest, ReadsPhysicalMemoryWithoutPageTables) {
    guest_.poke<std::uint16_t>(0x5000, 0xbeef);
    std::array<std::byte, 2> bytes{};
    ASSERT_EQ(guest_.view.read_physical(Gpa{0x5000}, bytes), 2U);
    EXPECT_EQ(bytes[0], std::byte{0xef});
    EXPECT_FALSE(guest_.view.read_physical(Gpa{TestGuest::kSize}, bytes));
}

TEST_F(GuestViewTest, NeverWrapsAroundTheEndOfTheAddressSpace) {
    std::array<std::byte, 16> bytes{};
    EXPECT_FALSE(guest_.view.read(guest_.state.system, Gva{~std::uint64_t{0} - 3}, bytes));
    EXPECT_FALSE(guest_.view.write(guest_.state.system, Gva{~std::uint64_t{0} - 3}, bytes));
    EXPECT_FALSE(guest_.view.read_physical(Gpa{~std::uint64_t{0} - 3}, bytes));
}

// Memory of one page of RAM and one of ROM.
TEST(WritesByAClient, AreRefusedWithTheNameOfWhatIsThere) {
    constexpr std::uint64_t kPage = 0x1000;
    std::vector<machine::MemoryRegion> regions;
    regions.push_back(std::move(*machine::MemoryRegion::allocate(Gpa{0}, kPage)));
    regions.push_back(std::move(*machine::MemoryRegion::allocate(Gpa{kPage}, kPage, true)));
    auto memory = machine::GuestMemory::create(std::move(regions));
    ASSERT_TRUE(memory);
    testing::FakePlanted planted;
    GuestView view(*memory, planted, 40);
    const std::array<std::byte, 2> data{std::byte{1}, std::byte{2}};
    const auto refusal = [&](std::uint64_t gpa) {
        const auto done = view.write_physical(Gpa{gpa}, data);
        return done ? std::string() : done.error().message();
    };
    EXPECT_EQ(refusal(0x10), "");
    EXPECT_THAT(refusal(kPage + 0x10), ::testing::HasSubstr("this is the firmware's ROM"));
    EXPECT_THAT(refusal(kPage - 1), ::testing::HasSubstr("this is the firmware's ROM")) << "its second byte";
    EXPECT_EQ(memory->span(Gpa{kPage - 1}, 1)[0], std::byte{0}) << "all or nothing";
    EXPECT_THAT(refusal(0xfec00000), ::testing::HasSubstr("no RAM at this address: a device's registers"));
}

}  // namespace
}  // namespace ringside::debug
