#include "vmm/base/text.h"

#include <gtest/gtest.h>

namespace ringside {
namespace {

TEST(ParseNumber, TakesAllOfItOrNothing) {
    EXPECT_EQ(parse_number("0"), 0U);
    EXPECT_EQ(parse_number("31"), 31U);
    EXPECT_EQ(parse_number("0x1F"), 31U);
    EXPECT_EQ(parse_number("0XC0000082"), 0xc0000082U);
    EXPECT_EQ(parse_number("18446744073709551615"), ~std::uint64_t{0});
    for (const char* bad :
         {"", "0x", "12a", "-1", "+1", "0x-1", "0xg", " 1", "18446744073709551616", "0x10000000000000000"})
        EXPECT_FALSE(parse_number(bad)) << bad;
}

TEST(ParseDigits, IsLimitedByItsType) {
    EXPECT_EQ(parse_digits<std::uint8_t>("ff", 16), 255U);
    EXPECT_FALSE(parse_digits<std::uint8_t>("100", 16));
    EXPECT_FALSE(parse_digits<std::uint8_t>("0x1", 16));
}

TEST(SplitWords, BlanksAreNoWords) {
    EXPECT_EQ(split_words("  one\ttwo  three "), (std::vector<std::string_view>{"one", "two", "three"}));
    EXPECT_TRUE(split_words(" \t").empty());
}

}  // namespace
}  // namespace ringside
