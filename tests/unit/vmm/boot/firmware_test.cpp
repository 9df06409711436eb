#include "vmm/boot/firmware.h"

#include "tests/unit/vmm/boot/boot_test.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;

// Filled with `mark`; a far jump at the reset vector.
Bytes image(std::size_t size, std::uint8_t mark = 0x90) {
    Bytes bytes(size, std::byte{mark});
    bytes[size - 16] = std::byte{0xea};
    return bytes;
}

class FirmwareTest : public BootTest {};

TEST_F(FirmwareTest, StartsAsAfterReset) {
    const BootState state = loaded(image(256 * layout::kKiB));
    EXPECT_EQ(state.protocol, Protocol::Firmware);
    EXPECT_EQ(state.system.cr0, 0x10U);
    EXPECT_EQ(state.system.cs.selector, 0xf000);
    EXPECT_EQ(state.system.cs.base, 0xffff0000U);
    EXPECT_EQ(state.general.rip, 0xfff0U);
}

TEST_F(FirmwareTest, EndsAt4GiBAndIsShadowedBelow1MiB) {
    Bytes file = image(512 * layout::kKiB, 0x11);
    file[256 * layout::kKiB] = std::byte{0x22};  // the first byte of the copy
    const BootState state = loaded(file);
    ASSERT_TRUE(state.rom);
    EXPECT_EQ(state.rom->start, Gpa{0xfff80000});
    EXPECT_EQ(state.rom->bytes, file);
    EXPECT_EQ(peek<std::uint8_t>(0xbffff), 0);
    EXPECT_EQ(peek<std::uint8_t>(0xc0000), 0x22);
    EXPECT_EQ(peek<std::uint8_t>(0xffff0), 0xea);
}

TEST_F(FirmwareTest, ASmallOneIsShadowedWhole) {
    loaded(image(64 * layout::kKiB, 0x11));
    EXPECT_EQ(peek<std::uint8_t>(0xeffff), 0);
    EXPECT_EQ(peek<std::uint8_t>(0xf0000), 0x11);
}

TEST_F(FirmwareTest, IsKnownBySizeAndResetVector) {
    EXPECT_TRUE(is_firmware(image(16 * layout::kMiB)));
    EXPECT_FALSE(is_firmware(image(16 * layout::kMiB + 64 * layout::kKiB)));
    EXPECT_FALSE(is_firmware(image(64 * layout::kKiB + 1)));
    EXPECT_FALSE(is_firmware(Bytes{}));
    EXPECT_FALSE(is_firmware(Bytes(64 * layout::kKiB)));
    request.protocol = Protocol::Firmware;
    EXPECT_THAT(rejected(Bytes(4096)), HasSubstr("it is no firmware image"));
}

}  // namespace
}  // namespace ringside::boot
