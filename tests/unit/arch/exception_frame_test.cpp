// What a handler finds on its stack: tables of frames of every width, with and without an error code.

#include "arch/x86_64/exception_frame.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

namespace ringside::x86 {
namespace {

std::vector<std::byte> pushed(FrameWidth width, const std::vector<std::uint64_t>& words) {
    const auto size = static_cast<std::size_t>(width);
    std::vector<std::byte> stack(words.size() * size);
    std::size_t at = 0;
    for (const std::uint64_t word : words) {
        std::memcpy(stack.data() + at, &word, size);
        at += size;
    }
    return stack;
}

struct Row {
    const char* name;
    FrameWidth width;
    std::vector<std::uint64_t> words;
    bool has_error_code;
    unsigned handler_level;
    // What is right.
    std::optional<std::uint64_t> error_code = {};
    std::uint64_t rip = 0x1000;
    std::optional<std::uint64_t> rsp = {};
};

class FrameTest : public ::testing::TestWithParam<Row> {};

TEST_P(FrameTest, IsDecoded) {
    const Row& row = GetParam();
    const auto frame =
        decode_frame(pushed(row.width, row.words), row.width, row.has_error_code, row.handler_level);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->error_code, row.error_code);
    EXPECT_EQ(frame->rip, row.rip);
    EXPECT_EQ(frame->rsp, row.rsp);
    EXPECT_TRUE(is_plausible(*frame));
}

constexpr std::uint64_t kFlags = 0x202, kHigh = 0xffffffff81000123;

INSTANTIATE_TEST_SUITE_P(
    Frames, FrameTest,
    ::testing::Values(Row{"Real", FrameWidth::Bits16, {0x1000, 0xf000, kFlags}, false, 3},
                      Row{"Sixteen", FrameWidth::Bits16, {0x1000, 0x8, kFlags}, false, 0},
                      Row{"SixteenWithError", FrameWidth::Bits16, {0x18, 0x1000, 0x8, kFlags}, true, 0, 0x18},
                      Row{"ThirtyTwo", FrameWidth::Bits32, {0x1000, 0x8, kFlags, 0x77, 0x88}, false, 0},
                      Row{"ThirtyTwoWithError", FrameWidth::Bits32, {2, 0x1000, 0x8, kFlags}, true, 0, 2},
                      Row{"ThirtyTwoFromUser",
                          FrameWidth::Bits32,
                          {0x1000, 0x1b, kFlags, 0x7000, 0x23},
                          false,
                          0,
                          {},
                          0x1000,
                          0x7000},
                      Row{"Virtual8086",
                          FrameWidth::Bits32,
                          {0x1000, 0xf000, kFlags | 1 << 17, 0x7000, 0x23},
                          false,
                          0,
                          {},
                          0x1000,
                          0x7000},
                      Row{"SixtyFour",
                          FrameWidth::Bits64,
                          {kHigh, 0x10, kFlags, 0x7000, 0x18},
                          false,
                          0,
                          {},
                          kHigh,
                          0x7000},
                      Row{"SixtyFourWithError",
                          FrameWidth::Bits64,
                          {2, kHigh, 0x10, kFlags, 0x7000, 0x18},
                          true,
                          0,
                          2,
                          kHigh,
                          0x7000}),
    [](const auto& row) { return row.param.name; });

TEST(ExceptionFrame, TooFewWordsAreNone) {
    EXPECT_FALSE(decode_frame(pushed(FrameWidth::Bits32, {0x1000, 8}), FrameWidth::Bits32, false, 0));
    EXPECT_FALSE(decode_frame(pushed(FrameWidth::Bits64, {1, 0x1000, 8}), FrameWidth::Bits64, true, 0));
}

TEST(ExceptionFrame, ThePrivilegeLevelIsTheInterruptedCodes) {
    ExceptionFrame frame;
    frame.cs = 0x33;
    EXPECT_EQ(frame.privilege_level(false), 3U);
    EXPECT_EQ(frame.privilege_level(true), 0U);
    frame.cs = 0x10;
    EXPECT_EQ(frame.privilege_level(false), 0U);
    frame.flags = 1 << 17;
    EXPECT_EQ(frame.privilege_level(false), 3U);
}

TEST(ExceptionFrame, FlagsThatNoProcessorPushesAreNotPlausible) {
    ExceptionFrame frame;
    for (const std::uint64_t flags : {0x0ULL, 0x200ULL, 0x20aULL, 0x8002ULL, 0x1000000000002ULL}) {
        frame.flags = flags;
        EXPECT_FALSE(is_plausible(frame)) << flags;
    }
}

TEST(ExceptionFrame, TheStackPointerShowsIfThereIsAnErrorCode) {
    EXPECT_TRUE(error_code_was_pushed(0x7fd0));
    EXPECT_FALSE(error_code_was_pushed(0x7fd8));
}

struct Words {
    std::uint8_t vector;
    std::uint64_t error_code;
    const char* text;
};

TEST(ExceptionFrame, ErrorCodesInWords) {
    for (const Words& row :
         {Words{14, 2, "write, supervisor, page not present"}, Words{13, 0, "no selector"},
          Words{13, 0x18, "selector 0x18 of the GDT"}, Words{11, 0xc, "selector 0xc of the LDT"},
          Words{13, 0x402, "gate 128 of the IDT"}, Words{13, 1, "by an external event"},
          Words{12, 0x19, "selector 0x18 of the GDT, by an external event"}, Words{8, 0, ""}})
        EXPECT_EQ(describe_error_code(row.vector, row.error_code), row.text);
}

TEST(ExceptionFrame, TheSentence) {
    ExceptionFrame frame;
    frame.rip = kHigh;
    frame.error_code = 2;
    EXPECT_EQ(describe_event(14, frame, 0xdead000, "do_thing+0x5"),
              "#PF (vector 14), error 0x2 (write, supervisor, page not present), CR2 0xdead000, at "
              "0xffffffff81000123 <do_thing+0x5>");
    frame.error_code.reset();
    EXPECT_EQ(describe_event(6, frame, 0, ""), "#UD (vector 6), at 0xffffffff81000123");
    EXPECT_EQ(describe_event(33, frame, 0, ""), "interrupt (vector 33), at 0xffffffff81000123");
    EXPECT_EQ(describe_event(15, frame, 0, ""), "vector 15, at 0xffffffff81000123");
    frame.width = FrameWidth::Bits16;
    frame.cs = 0xf000;
    frame.rip = 0x12;
    EXPECT_EQ(describe_event(0, frame, 0, ""), "#DE (vector 0), at f000:0012");
}

TEST(ExceptionFrame, VectorsByName) {
    EXPECT_EQ(exception_vector("pf"), 14);
    EXPECT_EQ(exception_vector("#GP"), 13);
    EXPECT_EQ(exception_vector("nmi"), 2);
    EXPECT_FALSE(exception_vector("pq"));
    EXPECT_FALSE(exception_vector(""));
    EXPECT_FALSE(exception_vector("vector 9"));
}

}  // namespace
}  // namespace ringside::x86
