#include "vmm/debug/monitor/memory_dump.h"

#include <gtest/gtest.h>

#include <array>

namespace ringside::debug {
namespace {

struct FormatCase {
    const char* text;
    std::uint64_t count;
    char letter;
    unsigned size;
};

TEST(DumpFormat, CountLetterAndSize) {
    constexpr FormatCase kCases[] = {{"", 1, 'x', 4},    {"16", 16, 'x', 4}, {"16xb", 16, 'x', 1},
                                     {"2gd", 2, 'd', 8}, {"hu", 1, 'u', 2},  {"8c", 8, 'c', 1},
                                     {"8cw", 8, 'c', 4}};
    for (const FormatCase& c : kCases) {
        const auto format = parse_dump_format(c.text);
        ASSERT_TRUE(format) << c.text;
        EXPECT_EQ(format->count, c.count) << c.text;
        EXPECT_EQ(format->letter, c.letter) << c.text;
        EXPECT_EQ(format->size, c.size) << c.text;
    }
}

TEST(DumpFormat, RefusesWhatItDoesNotKnow) {
    for (const char* text : {"z", "16i", "x16", "-1", "99999999999999999999", "1048577"})
        EXPECT_FALSE(parse_dump_format(text)) << text;
}

constexpr std::array kBytes{std::byte{0x41}, std::byte{0xff}, std::byte{0x00}, std::byte{0x80},
                            std::byte{0x01}, std::byte{0x02}, std::byte{0x03}, std::byte{0x04}};

TEST(Dump, Units) {
    EXPECT_EQ(format_dump({2, 'x', 4}, 0x1000, kBytes), "0000000000001000: 0x8000ff41 0x04030201\n");
    EXPECT_EQ(format_dump({4, 'd', 2}, 0, kBytes), "0000000000000000: 65345 32768   513  1027\n");
    constexpr std::array<std::byte, 8> kMinusTwo{std::byte{0xfe}, std::byte{0xff}, std::byte{0xff},
                                                 std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                                                 std::byte{0xff}, std::byte{0xff}};
    EXPECT_EQ(format_dump({1, 'd', 8}, 0, kMinusTwo), "0000000000000000:                   -2\n");
    EXPECT_EQ(format_dump({1, 'u', 8}, 0, kBytes), "0000000000000000:   289077006547615553\n");
    EXPECT_EQ(format_dump({2, 'c', 1}, 0, std::span(kBytes).first(2)), "0000000000000000: 'A' '\\xff'\n");
    EXPECT_EQ(format_dump({1, 'c', 2}, 0, std::span(kBytes).first(2)), "0000000000000000: 'A' '\\xff'\n");
    EXPECT_EQ(format_dump({1, 'o', 1}, 0, std::span(kBytes).first(1)), "0000000000000000: 0101\n");
}

TEST(Dump, CharactersThatCHasEscapesFor) {
    constexpr std::array kSpecial{std::byte{'\n'}, std::byte{'\r'}, std::byte{'\''}, std::byte{'\\'}};
    EXPECT_EQ(format_dump({4, 'c', 1}, 0, kSpecial), "0000000000000000: '\\n' '\\r' '\\'' '\\\\'\n");
}

TEST(Dump, LinesOfBytesAreShorter) {
    const std::array<std::byte, 9> zeros{};
    EXPECT_EQ(format_dump({9, 'u', 1}, 0x10, zeros),
              "0000000000000010:   0   0   0   0   0   0   0   0\n0000000000000018:   0\n");
}

TEST(Dump, BeginsALineEvery16Bytes) {
    const std::array<std::byte, 20> zeros{};
    EXPECT_EQ(
        format_dump({5, 'x', 4}, 0x10, zeros),
        "0000000000000010: 0x00000000 0x00000000 0x00000000 0x00000000\n0000000000000020: 0x00000000\n");
}

}  // namespace
}  // namespace ringside::debug
