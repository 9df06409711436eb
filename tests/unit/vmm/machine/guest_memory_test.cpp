#include "vmm/machine/guest_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "vmm/machine/layout.h"

namespace ringside::machine {
namespace {

using testing::HasSubstr;
constexpr std::uint64_t kPage = layout::kPage;

MemoryRegion region(std::uint64_t start, std::uint64_t size, bool read_only = false) {
    auto made = MemoryRegion::allocate(Gpa{start}, size, read_only);
    EXPECT_TRUE(made) << made.error().message();
    return std::move(*made);
}

GuestMemory memory_of(std::vector<MemoryRegion> regions) {
    auto made = GuestMemory::create(std::move(regions));
    EXPECT_TRUE(made) << made.error().message();
    return std::move(*made);
}

// Two adjacent regions, a gap, and a ROM.
GuestMemory small_memory() {
    std::vector<MemoryRegion> regions;
    regions.push_back(region(4 * kPage, kPage, true));
    regions.push_back(region(kPage, kPage));
    regions.push_back(region(0, kPage));
    return memory_of(std::move(regions));
}

TEST(MemoryRegion, IsZeroed) {
    const MemoryRegion made = region(0, 2 * kPage);
    EXPECT_TRUE(
        std::all_of(made.host(), made.host() + made.size(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(MemoryRegion, RefusesWhatIsNotWholePages) {
    EXPECT_FALSE(MemoryRegion::allocate(Gpa{0}, 0));
    EXPECT_FALSE(MemoryRegion::allocate(Gpa{0}, kPage + 1));
    EXPECT_FALSE(MemoryRegion::allocate(Gpa{1}, kPage));
}

TEST(MemoryRegion, RefusesToWrapAround) {
    const std::uint64_t last_page = std::numeric_limits<std::uint64_t>::max() - (kPage - 1);
    const auto made = MemoryRegion::allocate(Gpa{last_page}, 2 * kPage);
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message(), HasSubstr("wraps around"));
}

TEST(MemoryRegion, MovesItsMapping) {
    MemoryRegion a = region(0, kPage);
    a.host()[5] = std::byte{42};
    MemoryRegion b = std::move(a);
    EXPECT_EQ(b.host()[5], std::byte{42});
    MemoryRegion c = region(kPage, kPage);
    c = std::move(b);
    EXPECT_EQ(c.start(), Gpa{0});
    EXPECT_EQ(c.host()[5], std::byte{42});
}

TEST(GuestMemory, RefusesZero) {
    const auto made = GuestMemory::create(std::uint64_t{0});
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message(), HasSubstr("size of 0"));
}

TEST(GuestMemory, RefusesPartsOfPages) {
    const auto made = GuestMemory::create(std::uint64_t{kPage + 1});
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message(), HasSubstr("4097 bytes is no multiple of 4 KiB"));
}

TEST(GuestMemory, RefusesMoreThanTheHostHasAndNamesBothNumbers) {
    const auto made = GuestMemory::create(std::uint64_t{1} << 60);
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message(), HasSubstr("1099511627776 MiB was asked for, but this host has "));
    EXPECT_THAT(made.error().message(), HasSubstr("smaller -m"));
}

TEST(GuestMemory, SmallMemoryStartsAtZero) {
    const auto made = GuestMemory::create(std::uint64_t{64 * layout::kMiB});
    ASSERT_TRUE(made);
    ASSERT_EQ(made->regions().size(), 1U);
    EXPECT_EQ(made->regions()[0].start(), Gpa{0});
    EXPECT_EQ(made->ram_size(), 64 * layout::kMiB);
}

TEST(GuestMemory, LeavesTheHoleBelowFourGiB) {
    const auto made = GuestMemory::create(layout::kHole.value + layout::kMiB);
    if (!made)
        GTEST_SKIP() << made.error().message();
    ASSERT_EQ(made->regions().size(), 2U);
    EXPECT_EQ(made->regions()[0].end(), layout::kHole);
    EXPECT_EQ(made->regions()[1].start(), layout::kHoleEnd);
    EXPECT_EQ(made->regions()[1].size(), layout::kMiB);
    EXPECT_FALSE(made->contains(layout::kHole, 1));
}

TEST(GuestMemory, SortsItsRegionsAndCountsNoRom) {
    const GuestMemory memory = small_memory();
    ASSERT_EQ(memory.regions().size(), 3U);
    EXPECT_EQ(memory.regions()[0].start(), Gpa{0});
    EXPECT_EQ(memory.regions()[2].start(), Gpa{4 * kPage});
    EXPECT_EQ(memory.ram_size(), 2 * kPage);
}

TEST(GuestMemory, RefusesOverlaps) {
    std::vector<MemoryRegion> regions;
    regions.push_back(region(0, 2 * kPage));
    regions.push_back(region(kPage, kPage));
    const auto made = GuestMemory::create(std::move(regions));
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message(), HasSubstr("[0x1000, 0x2000) overlaps region [0x0, 0x2000)"));
}

TEST(GuestMemory, SpanStaysInOneRegion) {
    const GuestMemory memory = small_memory();
    EXPECT_EQ(memory.span(Gpa{0}, kPage).size(), kPage);
    EXPECT_TRUE(memory.span(Gpa{0}, kPage + 1).empty());
    EXPECT_TRUE(memory.span(Gpa{2 * kPage}, 1).empty());
    EXPECT_TRUE(memory.span(Gpa{kPage}, std::numeric_limits<std::uint64_t>::max()).empty());
    EXPECT_FALSE(memory.contains(Gpa{kPage}, kPage + 1));
    EXPECT_TRUE(memory.contains(Gpa{kPage}, kPage));
    EXPECT_TRUE(memory.contains(Gpa{2 * kPage}, 0));
}

TEST(GuestMemory, PrefixGivesWhatThereIs) {
    const GuestMemory memory = small_memory();
    EXPECT_EQ(memory.prefix(Gpa{kPage - 3}, 100).size(), 3U);
    EXPECT_EQ(memory.prefix(Gpa{kPage}, 100).size(), 100U);
    EXPECT_TRUE(memory.prefix(Gpa{3 * kPage}, 100).empty());
}

TEST(GuestMemory, CopiesAcrossRegions) {
    const GuestMemory memory = small_memory();
    const std::array<std::byte, 4> data{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    ASSERT_TRUE(memory.write(Gpa{kPage - 2}, data));
    std::array<std::byte, 4> back{};
    ASSERT_TRUE(memory.read(Gpa{kPage - 2}, back));
    EXPECT_EQ(back, data);
    EXPECT_EQ(memory.span(Gpa{kPage}, 1)[0], std::byte{3});
}

TEST(GuestMemory, CopyNamesTheFirstMissingAddress) {
    const GuestMemory memory = small_memory();
    std::array<std::byte, 8> bytes{};
    const auto read = memory.read(Gpa{2 * kPage - 4}, bytes);
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message(), HasSubstr("no memory at 0x2000"));
    const auto written = memory.write(Gpa{3 * kPage}, bytes);
    ASSERT_FALSE(written);
    EXPECT_THAT(written.error().message(), HasSubstr("no memory at 0x3000"));
}

}  // namespace
}  // namespace ringside::machine
