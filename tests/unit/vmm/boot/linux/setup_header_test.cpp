#include "vmm/boot/linux/setup_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/boot/linux/bzimage_builder.h"
#include "vmm/machine/layout.h"

namespace ringside::boot::linux_boot {
namespace {

using testing::HasSubstr;

std::string rejected(const Bytes& file) {
    const auto image = parse_bzimage(file);
    EXPECT_FALSE(image);
    return image ? "" : image.error().reason;
}

TEST(SetupHeaderTest, ReadsEveryField) {
    const Bytes file = BzImageBuilder().payload(to_bytes("packed")).build();
    ASSERT_TRUE(is_bzimage(file));
    const auto image = parse_bzimage(file);
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(image->version, 0x20f);
    EXPECT_TRUE(image->relocatable);
    EXPECT_TRUE(image->has_64_bit_entry);
    EXPECT_EQ(image->preferred_address, Gpa{0x100000});
    EXPECT_EQ(image->alignment, 0x200000U);
    EXPECT_EQ(image->init_size, 0x200000U);
    EXPECT_EQ(image->initrd_end, Gpa{0x80000000});
    EXPECT_EQ(image->command_line_size, 2047U);
    EXPECT_EQ(image->header.data(), file.data() + 0x1f1);
    EXPECT_EQ(image->header.size(), 0x26cU - 0x1f1U);
    EXPECT_EQ(image->code.data(), file.data() + BzImageBuilder::kSetupSize);
    EXPECT_EQ(image->code.size(), file.size() - BzImageBuilder::kSetupSize);
    EXPECT_EQ(Bytes(image->payload.begin(), image->payload.end()), to_bytes("packed"));
}

TEST(SetupHeaderTest, CountsNoSetupSectorsAsFour) {
    Bytes file = BzImageBuilder().poke<std::uint8_t>(0x1f1, 0).build();
    file.resize(0x3000);
    const auto image = parse_bzimage(file);
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_EQ(image->code.data(), file.data() + 5 * 512);
}

TEST(SetupHeaderTest, OldVersionsLackLaterFields) {
    const auto old =
        BzImageBuilder().poke<std::uint16_t>(field::kVersion, 0x206).payload(to_bytes("x")).build();
    const auto image = parse_bzimage(old);
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_TRUE(image->payload.empty());
    EXPECT_FALSE(image->has_64_bit_entry);
    EXPECT_EQ(image->preferred_address, layout::kHighMemory);
    EXPECT_EQ(image->init_size, image->code.size());
}

TEST(SetupHeaderTest, Needs64BitCodeForThe64BitEntry) {
    Bytes file = BzImageBuilder().poke<std::uint16_t>(field::kXloadFlags, 2).build();
    auto image = parse_bzimage(file);
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_FALSE(image->has_64_bit_entry);
    file = BzImageBuilder().poke<std::uint32_t>(field::kPayloadOffset, 0).build();
    file.resize(BzImageBuilder::kSetupSize + 0x200);  // ends where the entry would be
    image = parse_bzimage(file);
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_FALSE(image->has_64_bit_entry);
}

TEST(SetupHeaderTest, RefusesWhatIsNone) {
    EXPECT_FALSE(is_bzimage(Bytes{}));
    EXPECT_THAT(rejected(Bytes(4096)), HasSubstr("no Linux setup header"));
    EXPECT_THAT(rejected(BzImageBuilder().poke<std::uint16_t>(field::kBootFlag, 0).build()),
                HasSubstr("no Linux setup header"));
    EXPECT_THAT(rejected(BzImageBuilder().poke<std::uint16_t>(field::kVersion, 0x204).build()),
                HasSubstr("version 2.04 of Linux's boot protocol"));
    EXPECT_THAT(rejected(BzImageBuilder().poke<std::uint8_t>(field::kLoadFlags, 0).build()),
                HasSubstr("zImage"));
}

TEST(SetupHeaderTest, RefusesPlacesOutsideTheFile) {
    EXPECT_THAT(rejected(BzImageBuilder().poke<std::uint8_t>(0x1f1, 255).build()),
                HasSubstr("within its setup code"));
    EXPECT_THAT(rejected(BzImageBuilder().poke<std::uint8_t>(field::kJumpOffset, 0).build()),
                HasSubstr("before its fields do"));
    for (const std::uint32_t offset : {0x401U, 0x10000U, 0xffffffffU})
        EXPECT_THAT(
            rejected(BzImageBuilder().poke(field::kPayloadOffset, offset).payload(to_bytes("x")).build()),
            HasSubstr("reaches beyond"));
    for (const std::uint32_t length : {2U, 0xffffffffU})
        EXPECT_THAT(
            rejected(BzImageBuilder().payload(to_bytes("x")).poke(field::kPayloadLength, length).build()),
            HasSubstr("reaches beyond"));
}

// Every cut of a good file is refused or read without looking beyond it (which the sanitizers watch).
TEST(SetupHeaderTest, SurvivesEveryCut) {
    const Bytes whole = BzImageBuilder().payload(to_bytes("packed")).build();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(parse_bzimage(cut)) << size;
    }
}

}  // namespace
}  // namespace ringside::boot::linux_boot
