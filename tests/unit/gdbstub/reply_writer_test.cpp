#include "gdbstub/reply_writer.h"

#include <string>

#include <gtest/gtest.h>

#include "gdbstub/framer.h"

namespace ringside::gdbstub {
namespace {

using namespace std::string_literals;

class ReplyWriterTest : public ::testing::Test {
  protected:
    std::string taken() {
        std::string text(out_.view());
        out_.clear();
        return text;
    }
    OutputBuffer out_;
    ReplyWriter plain_{out_, false};
    ReplyWriter packed_{out_, true};
};

TEST_F(ReplyWriterTest, ClosesAFrameWithItsChecksum) {
    plain_.frame().text("OK");
    EXPECT_EQ(taken(), "$OK#9a");
    plain_.frame().text("");
    EXPECT_EQ(taken(), "$#00");
}

TEST_F(ReplyWriterTest, WritesNumbersAndBytes) {
    plain_.frame().hex_number(0).text(",").hex_number(UINT64_MAX).text(",").hex_byte(5).text(",").decimal(10);
    EXPECT_EQ(taken().substr(1, 24), "0,ffffffffffffffff,05,10");
    plain_.frame().hex("\x00\x7f\xff"s).unavailable(2);
    EXPECT_EQ(taken().substr(1, 10), "007fffxxxx");
    plain_.frame().hex("abcd").mark_unavailable(2, 2);
    EXPECT_EQ(taken().substr(1, 8), "61xxxx64");
}

TEST_F(ReplyWriterTest, EscapesInBinaryWhereverTheByteIs) {
    for (const char special : "#$}*"s) {
        for (std::size_t at = 0; at < 19; ++at) {
            std::string data(19, 'a');
            data[at] = special;
            std::string expected = "b" + data;
            expected.replace(at + 1, 1, std::string("}") + static_cast<char>(special ^ 0x20));
            plain_.frame().text("b").binary(data);
            const std::string frame = taken();
            EXPECT_EQ(frame.substr(1, frame.size() - 4), expected);
        }
    }
}

TEST_F(ReplyWriterTest, MakesWordsHarmless) {
    plain_.frame().words("a#b$c}d*e\nf");
    EXPECT_EQ(taken().substr(1, 11), "a b c d e f");
}

TEST_F(ReplyWriterTest, PacksRunsAndNeverWithAForbiddenCount) {
    struct {
        std::size_t length;
        const char* expected;
    } const cases[] = {{1, "0"},      {3, "000"}, {4, "0* "},  {5, "0*!"},   {6, "0*\""},    {7, "0*\"0"},
                       {8, "0*\"00"}, {9, "0*%"}, {98, "0*~"}, {99, "0*~0"}, {102, "0*~0* "}};
    for (const auto& c : cases) {
        packed_.frame().text(std::string(c.length, '0'));
        const std::string frame = taken();
        EXPECT_EQ(frame.substr(1, frame.size() - 4), c.expected) << c.length;
    }
}

// Whatever is written comes out of the framer again.
TEST_F(ReplyWriterTest, IsUndoneByTheFramer) {
    for (std::size_t seed = 0; seed < 64; ++seed) {
        std::string data;
        for (std::size_t i = 0; i < 300; ++i)
            data.append(1 + (i * seed) % 11, static_cast<char>("#$}*0a\0~"s[(i * (seed + 3)) % 8]));
        packed_.frame().binary(data);
        const std::string frame = taken();
        std::span<const std::byte> input = std::as_bytes(std::span(frame));
        Framer framer;
        const auto event = framer.next(input);
        ASSERT_TRUE(event && std::holds_alternative<frame::Packet>(*event)) << seed;
        EXPECT_EQ(std::get<frame::Packet>(*event).payload, data) << seed;
    }
}

TEST_F(ReplyWriterTest, RepeatsTheLastFrame) {
    plain_.frame().text("OK");
    plain_.frame().text("E01");
    taken();
    plain_.repeat();
    EXPECT_EQ(taken(), "$E01#a6");
}

}  // namespace
}  // namespace ringside::gdbstub
