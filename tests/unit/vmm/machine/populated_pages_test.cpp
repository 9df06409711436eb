#include "vmm/machine/populated_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "vmm/machine/layout.h"

namespace ringside::machine {
namespace {

using layout::kPage;

// Larger than the words of the page map that are read at once.
constexpr std::uint64_t kPages = 20'000;

std::vector<PopulatedPages::Run> runs(const MemoryRegion& region) {
    const PopulatedPages populated(region);
    std::vector<PopulatedPages::Run> found;
    for (auto run = populated.next(0); run; run = populated.next(run->end))
        found.push_back(*run);
    return found;
}

void touch(const MemoryRegion& region, std::uint64_t page) {
    region.host()[page * kPage + 17] = std::byte{1};
}

TEST(PopulatedPages, AreThoseThatWereTouched) {
    const auto region = MemoryRegion::allocate(Gpa{0}, kPages * kPage);
    ASSERT_TRUE(region);
    EXPECT_THAT(runs(*region), testing::IsEmpty());
    constexpr std::array<std::uint64_t, 5> kTouched{3, 4, 8191, 8192, 19'999};
    for (const std::uint64_t page : kTouched)
        touch(*region, page);
    const auto found = runs(*region);
    // The host may have filled in larger pages.
    for (const std::uint64_t page : kTouched)
        EXPECT_TRUE(std::ranges::any_of(found, [&](const PopulatedPages::Run& run) {
            return run.start <= page * kPage && run.end >= (page + 1) * kPage;
        })) << page;
    for (std::size_t i = 1; i < found.size(); ++i)
        EXPECT_GT(found[i].start, found[i - 1].end) << "runs are in order and apart";
}

TEST(PopulatedPages, ARunIsCutOffWhereTheSearchBegins) {
    const auto region = MemoryRegion::allocate(Gpa{0}, 8 * kPage);
    ASSERT_TRUE(region);
    touch(*region, 3);
    touch(*region, 4);
    const PopulatedPages populated(*region);
    const auto run = populated.next(4 * kPage);
    ASSERT_TRUE(run);
    EXPECT_EQ(run->start, 4 * kPage);
    EXPECT_GE(run->end, 5 * kPage);
    EXPECT_FALSE(populated.next(8 * kPage));
}

}  // namespace
}  // namespace ringside::machine
