#include "vmm/cli/screen.h"

#include <gtest/gtest.h>

namespace ringside::cli {
namespace {

TEST(Fit, LeavesATextThatFitsAsItIs) {
    EXPECT_EQ(fit("one\ntwo\n", 2, 3), "one\ntwo");
    EXPECT_EQ(fit("", 2, 3), "");
    EXPECT_EQ(fit("a\n\nb\n", 24, 80), "a\n\nb");
}

TEST(Fit, CutsLinesOff) {
    EXPECT_EQ(fit("abcdef\nab\n", 2, 3), "abc\nab");
    EXPECT_EQ(fit("\xc3\xa4\xc3\xb6\xc3\xbc!\n", 1, 3), "\xc3\xa4\xc3\xb6\xc3\xbc")
        << "three characters of two bytes";
    EXPECT_EQ(fit("abc\n", 1, 0), "");
}

TEST(Fit, SaysHowMuchIsLeftOut) {
    EXPECT_EQ(fit("1\n2\n3\n4\n", 3, 80), "1\n2\n2 more lines");
    EXPECT_EQ(fit("1\n2\n3\n4\n", 1, 80), "4 more lines");
    EXPECT_EQ(fit("1\n2\n", 0, 80), "");
}

TEST(Fit, LetsNoControlCharacterThrough) {
    EXPECT_EQ(fit("a\033[2Jb\x7f\n", 1, 80), "a?[2Jb?");
}

}  // namespace
}  // namespace ringside::cli
