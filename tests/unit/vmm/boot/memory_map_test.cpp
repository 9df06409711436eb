#include "vmm/boot/memory_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/machine/layout.h"

namespace ringside::boot {
namespace {

using layout::kMiB;
using machine::GuestMemory;
using machine::MemoryRegion;

constexpr MemoryMapEntry kBios{Gpa{0x9fc00}, 0x60400, MemoryType::Reserved};
constexpr MemoryMapEntry kKvm{Gpa{0xfeffc000}, 0x4000, MemoryType::Reserved};

GuestMemory regions(const std::vector<std::tuple<std::uint64_t, std::uint64_t, bool>>& wanted) {
    std::vector<MemoryRegion> made;
    made.reserve(wanted.size());
    for (const auto& [start, size, read_only] : wanted)
        made.push_back(std::move(*MemoryRegion::allocate(Gpa{start}, size, read_only)));
    return std::move(*GuestMemory::create(std::move(made)));
}

TEST(MemoryMap, OfASmallGuest) {
    const GuestMemory memory = regions({{0, 64 * kMiB, false}});
    EXPECT_THAT(memory_map(memory),
                testing::ElementsAre(MemoryMapEntry{Gpa{0}, 0x9fc00, MemoryType::Ram}, kBios,
                                     MemoryMapEntry{Gpa{kMiB}, 63 * kMiB, MemoryType::Ram}, kKvm));
    EXPECT_EQ(lower_memory_kib(memory), 639U);
    EXPECT_EQ(upper_memory_kib(memory), 63U * 1024);
}

TEST(MemoryMap, OfAGuestWithMemoryAboveTheHole) {
    const GuestMemory memory = regions({{0, 2 * kMiB, false}, {layout::kHoleEnd.value, kMiB, false}});
    EXPECT_THAT(memory_map(memory),
                testing::ElementsAre(MemoryMapEntry{Gpa{0}, 0x9fc00, MemoryType::Ram}, kBios,
                                     MemoryMapEntry{Gpa{kMiB}, kMiB, MemoryType::Ram}, kKvm,
                                     MemoryMapEntry{layout::kHoleEnd, kMiB, MemoryType::Ram}));
    EXPECT_EQ(upper_memory_kib(memory), 1024U);
}

TEST(MemoryMap, OfLessThanOneMegabyte) {
    const GuestMemory memory = regions({{0, 64 * layout::kKiB, false}});
    EXPECT_THAT(
        memory_map(memory),
        testing::ElementsAre(MemoryMapEntry{Gpa{0}, 64 * layout::kKiB, MemoryType::Ram}, kBios, kKvm));
    EXPECT_EQ(lower_memory_kib(memory), 64U);
    EXPECT_EQ(upper_memory_kib(memory), 0U);
}

TEST(MemoryMap, ReservesRoms) {
    const GuestMemory memory =
        regions({{0, 64 * layout::kKiB, false}, {0xf0000, 0x10000, true}, {0xffff0000, 0x10000, true}});
    EXPECT_THAT(memory_map(memory),
                testing::ElementsAre(MemoryMapEntry{Gpa{0}, 64 * layout::kKiB, MemoryType::Ram}, kBios, kKvm,
                                     MemoryMapEntry{Gpa{0xffff0000}, 0x10000, MemoryType::Reserved}));
}

}  // namespace
}  // namespace ringside::boot
