#include "vmm/machine/memory_slots.h"

#include <gtest/gtest.h>

namespace ringside::machine {
namespace {

class MemorySlotsTest : public ::testing::Test {
  protected:
    MemorySlotsTest() {
        regions.push_back(std::move(MemoryRegion::allocate(Gpa{0}, 0x8000).value()));
        regions.push_back(std::move(MemoryRegion::allocate(Gpa{0x100000}, 0x2000, true).value()));
    }
    std::vector<MemoryRegion> regions;
    std::byte elsewhere[3]{};
};

TEST_F(MemorySlotsTest, EachRegionHasOne) {
    const auto slots = memory_slots(regions, {});
    const std::vector<MemorySlot> expected{{Gpa{0}, 0x8000, regions[0].host(), false},
                                           {Gpa{0x100000}, 0x2000, regions[1].host(), true}};
    EXPECT_EQ(slots, expected);
}

TEST_F(MemorySlotsTest, APageApartHasOneOfItsOwnAndTheRestsHaveOthers) {
    const ApartPage pages[] = {
        {Gpa{0x1000}, &elsewhere[0]}, {Gpa{0x2000}, &elsewhere[1]}, {Gpa{0x7000}, &elsewhere[2]}};
    const auto slots = memory_slots(regions, pages);
    const std::vector<MemorySlot> expected{
        {Gpa{0}, 0x1000, regions[0].host(), false},  {Gpa{0x1000}, 0x1000, &elsewhere[0], false},
        {Gpa{0x2000}, 0x1000, &elsewhere[1], false}, {Gpa{0x3000}, 0x4000, regions[0].host() + 0x3000, false},
        {Gpa{0x7000}, 0x1000, &elsewhere[2], false}, {Gpa{0x100000}, 0x2000, regions[1].host(), true}};
    EXPECT_EQ(slots, expected);
}

}  // namespace
}  // namespace ringside::machine
