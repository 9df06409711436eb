#include "vmm/base/value_test.h"

#include <gtest/gtest.h>

namespace ringside {
namespace {

Result<ValueTest> parsed(std::string_view text, bool masks = true) {
    RuleWords words(text, "rule", "For example: nothing");
    auto test = parse_value_test(words, masks);
    return test && !words.peek().empty() ? words.not_understood(words.peek(), "the end") : test;
}

struct Case {
    const char* text;
    std::uint64_t yes, no;
};

TEST(ValueTest, HoldsForTheValuesThatItsTextNames) {
    for (const auto& [text, yes, no] :
         {Case{"== 3", 3, 4}, Case{"=0x10", 16, 0}, Case{"!= 3", 4, 3}, Case{"<7", 6, 7}, Case{"<= 7", 7, 8},
          Case{"> 7", 8, 7}, Case{">= 7", 7, 6}, Case{"in 2..4", 4, 5}, Case{"IN 2 .. 4", 2, 1},
          Case{"& 4", 6, 3}, Case{"& 0xf0 == 0x30", 0x137, 0x147}, Case{"& 0xf in 2..3", 0x12, 0x14}}) {
        const auto test = parsed(text);
        ASSERT_TRUE(test) << text;
        EXPECT_TRUE(holds(*test, yes)) << text;
        EXPECT_FALSE(holds(*test, no)) << text;
    }
}

TEST(ValueTest, AnErrorNamesWhatWasFoundAndWhatIsExpected) {
    EXPECT_NE(parsed("~ 3").error().message().find("\"~\" was found where =="), std::string::npos);
    EXPECT_NE(parsed("==").error().message().find("the end was found where a number"), std::string::npos);
    EXPECT_NE(parsed("in 4..2").error().message().find("ends before it begins"), std::string::npos);
    for (const char* wrong : {"", "3", "== x", "in 3", "in 3-4", "&", "& x", "== 3 4"})
        EXPECT_FALSE(parsed(wrong)) << wrong;
    EXPECT_FALSE(parsed("& 4", false));
}

}  // namespace
}  // namespace ringside
