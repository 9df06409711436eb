#include "tests/unit/vmm/boot/boot_test.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;

class FlatLoaderTest : public BootTest {};

TEST_F(FlatLoaderTest, LoadsLikeABootSector) {
    const BootState state = loaded(to_bytes("\xeb\xfe code"));
    EXPECT_EQ(state.protocol, Protocol::Flat);
    EXPECT_EQ(state.entry, Gpa{0x7c00});
    EXPECT_EQ(state.system.cs.selector, 0);
    EXPECT_EQ(state.general.rip, 0x7c00U);
    EXPECT_EQ(state.general.rsp, 0x7c00U);
    EXPECT_EQ(state.general.rdx, 0x80U);
    EXPECT_EQ(state.general.rflags, 2U);
    EXPECT_EQ(state.system.cr0 & 1, 0U);
    EXPECT_EQ(peek<std::uint16_t>(0x7c00), 0xfeeb);
    EXPECT_THAT(state.summary, HasSubstr("7 bytes at 0x7c00"));
}

TEST_F(FlatLoaderTest, TakesALowAddress) {
    request.load_address = Gpa{0x1000};
    const BootState state = loaded(to_bytes("\xf4"));
    EXPECT_EQ(state.general.rip, 0x1000U);
    EXPECT_EQ(state.general.rsp, 0x1000U) << "the stack stays clear of the image";
}

TEST_F(FlatLoaderTest, UsesASegmentAbove64KiB) {
    request.load_address = Gpa{0x12348};
    const BootState state = loaded(to_bytes("\xf4"));
    EXPECT_EQ(state.system.cs.selector, 0x1234);
    EXPECT_EQ(state.system.cs.base + state.general.rip, 0x12348U);
    EXPECT_EQ(peek<std::uint8_t>(0x12348), 0xf4);
}

TEST_F(FlatLoaderTest, StaysBelowTheEbda) {
    const Bytes largest(0x9fc00 - 0x7c00);
    EXPECT_TRUE(load_bytes(largest));
    EXPECT_THAT(rejected(Bytes(largest.size() + 1)), HasSubstr("does not fit below the EBDA at 0x9fc00"));
    request.load_address = Gpa{~std::uint64_t{0}};
    EXPECT_THAT(rejected(to_bytes("\xf4")), HasSubstr("lower --load-addr"));
}

TEST_F(FlatLoaderTest, NeedsRamThere) {
    memory = std::move(*machine::GuestMemory::create(layout::kPage));
    EXPECT_THAT(
        rejected(to_bytes("\xf4")),
        HasSubstr(
            "[0x7c00, 0x7c01) lies outside the guest's RAM of 4 KiB. Give the guest more memory: -m 1M"));
}

}  // namespace
}  // namespace ringside::boot
