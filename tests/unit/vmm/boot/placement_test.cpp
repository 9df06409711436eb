#include "vmm/boot/placement.h"

#include "tests/unit/vmm/boot/boot_test.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;

class PlacementTest : public BootTest {};

TEST_F(PlacementTest, InitrdGoesToTheTopOfRam) {
    const Bytes initrd(5000, std::byte{7});
    const auto place = place_initrd(initrd, Gpa{0x200000}, layout::kHole, memory);
    ASSERT_TRUE(place);
    EXPECT_EQ(*place, Gpa{kTestRam - 8192});
    EXPECT_EQ(peek<std::uint8_t>(place->value + 4999), 7);
}

TEST_F(PlacementTest, InitrdKeepsBelowALimit) {
    const Bytes initrd(4096);
    const auto place = place_initrd(initrd, Gpa{0}, Gpa{0x300800}, memory);
    ASSERT_TRUE(place);
    EXPECT_EQ(*place, Gpa{0x2ff000});
}

TEST_F(PlacementTest, InitrdThatDoesNotFitSaysHowMuchMemoryWould) {
    const auto place = place_initrd(Bytes(kTestRam), Gpa{0x200000}, layout::kHole, memory);
    ASSERT_FALSE(place);
    EXPECT_THAT(place.error().message(),
                HasSubstr("does not fit between the kernel's end at 0x200000 and 0x1000000"));
    EXPECT_THAT(place.error().message(), HasSubstr("-m 19M"));
}

TEST_F(PlacementTest, InitrdNeverOverlapsTheKernel) {
    EXPECT_FALSE(place_initrd(Bytes(4097), Gpa{kTestRam - 4097}, layout::kHole, memory))
        << "it fits to the byte, but not in whole pages";
    EXPECT_TRUE(place_initrd(Bytes(4097), Gpa{kTestRam - 8192}, layout::kHole, memory));
    EXPECT_FALSE(place_initrd(Bytes(1), Gpa{kTestRam}, layout::kHole, memory));
    EXPECT_FALSE(place_initrd(Bytes(1), Gpa{~std::uint64_t{0}}, layout::kHole, memory));
}

TEST_F(PlacementTest, ClaimNamesWhatWrapsAround) {
    const auto claimed = claim(memory, "segment 3", Gpa{0x1000}, ~std::uint64_t{0});
    ASSERT_FALSE(claimed);
    EXPECT_THAT(claimed.error().message(), HasSubstr("segment 3 at 0x1000"));
    EXPECT_THAT(claimed.error().message(), HasSubstr("wraps around"));
}

TEST_F(PlacementTest, ClaimInTheHoleAsksForAnotherAddress) {
    const auto claimed = claim(memory, "segment 0", Gpa{0xd0000000}, 1);
    ASSERT_FALSE(claimed);
    EXPECT_THAT(claimed.error().message(), HasSubstr("Link it lower"));
}

}  // namespace
}  // namespace ringside::boot
