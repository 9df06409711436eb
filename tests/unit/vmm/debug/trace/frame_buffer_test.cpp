// The ring of trace frames, and the blocks in them.

#include "vmm/debug/trace/frame_buffer.h"

#include <gmock/gmock.h>

#include "vmm/debug/trace/frame_blocks.h"

namespace ringside::debug {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr std::size_t kRegisterBytes = 16;

class FrameBufferTest : public ::testing::Test {
  protected:
    // A frame with one variable: 6 + 13 bytes.
    static constexpr std::size_t kSmall = FrameBuffer::kHeader + 13;

    bool put(std::uint16_t tracepoint, std::uint64_t value) {
        if (!buffer.open(tracepoint) || !add_variable(buffer, 1, value))
            return false;
        buffer.close();
        return true;
    }
    std::vector<std::uint16_t> tracepoints() const {
        std::vector<std::uint16_t> all;
        for (auto frame = buffer.first(); frame; frame = buffer.next(*frame))
            all.push_back(frame->tracepoint);
        return all;
    }
    FrameReader reader(const FrameBuffer::Frame& frame) const { return {buffer, frame, kRegisterBytes}; }

    FrameBuffer buffer;
};

TEST_F(FrameBufferTest, HasNothingBeforeItHasMemory) {
    EXPECT_FALSE(buffer.open(1));
    EXPECT_FALSE(buffer.first());
    std::byte byte{};
    EXPECT_EQ(buffer.read(0, {&byte, 1}), 0U);
}

TEST_F(FrameBufferTest, AFullBufferTakesNoMore) {
    buffer.reset(2 * kSmall + 5, false);
    EXPECT_TRUE(put(1, 10));
    EXPECT_TRUE(put(2, 20));
    EXPECT_FALSE(put(3, 30));
    EXPECT_FALSE(buffer.has_open_frame());
    EXPECT_THAT(tracepoints(), ElementsAre(1, 2));
    EXPECT_EQ(buffer.frames(), 2U);
    EXPECT_EQ(buffer.used(), 2 * kSmall);
}

TEST_F(FrameBufferTest, ACircularBufferKeepsTheNewest) {
    buffer.reset(3 * kSmall + 5, true);
    for (std::uint16_t i = 1; i <= 100; ++i)
        ASSERT_TRUE(put(i, i * 1000U));
    EXPECT_THAT(tracepoints(), ElementsAre(98, 99, 100));
    EXPECT_EQ(buffer.frames(), 3U);
    EXPECT_EQ(buffer.created(), 100U);
    std::uint64_t value = 98000;
    for (auto frame = buffer.first(); frame; frame = buffer.next(*frame), value += 1000)
        EXPECT_EQ(reader(*frame).variable(1), value);
}

TEST_F(FrameBufferTest, AFrameThatIsLargerThanTheBufferHasNoPlace) {
    buffer.reset(2 * kSmall, true);
    ASSERT_TRUE(put(1, 1));
    ASSERT_TRUE(buffer.open(2));
    const std::vector<std::byte> much(2 * kSmall);
    EXPECT_FALSE(add_memory(buffer, 0, much));
    EXPECT_FALSE(buffer.has_open_frame());
    EXPECT_TRUE(put(3, 3));
}

TEST_F(FrameBufferTest, AnAbandonedFrameLeavesNothing) {
    buffer.reset(100, false);
    ASSERT_TRUE(buffer.open(1));
    buffer.abandon();
    EXPECT_FALSE(buffer.first());
    EXPECT_TRUE(put(2, 2));
    EXPECT_THAT(tracepoints(), ElementsAre(2));
}

TEST_F(FrameBufferTest, WhatIsReadIsGdbsFormat) {
    buffer.reset(100, false);
    ASSERT_TRUE(buffer.open(0x102));
    ASSERT_TRUE(add_memory(buffer, 0x1234, std::as_bytes(std::span("ab", 2))));
    EXPECT_EQ(buffer.close(), 6U + 13U);
    std::vector<std::uint8_t> bytes(100);
    bytes.resize(buffer.read(0, std::as_writable_bytes(std::span(bytes))));
    EXPECT_THAT(bytes, ElementsAre(2, 1, 13, 0, 0, 0, 'M', 0x34, 0x12, 0, 0, 0, 0, 0, 0, 2, 0, 'a', 'b'));
    EXPECT_EQ(buffer.read(17, std::as_writable_bytes(std::span(bytes))), 2U);
    EXPECT_EQ(bytes[0], 'a');
    EXPECT_EQ(buffer.read(UINT64_MAX, std::as_writable_bytes(std::span(bytes))), 0U);
}

// Blocks may be anywhere in the ring, also across its end.
TEST_F(FrameBufferTest, BlocksAreFoundWhereverTheyLie) {
    buffer.reset(97, true);
    for (int round = 0; round < 50; ++round) {
        ASSERT_TRUE(buffer.open(1));
        std::vector<std::byte> registers(kRegisterBytes, static_cast<std::byte>(round));
        ASSERT_TRUE(add_registers(buffer, registers));
        ASSERT_TRUE(add_memory(buffer, 0x1000, std::as_bytes(std::span("abcd", 4))));
        ASSERT_TRUE(add_memory(buffer, 0x1004, std::as_bytes(std::span("efgh", 4))));
        ASSERT_TRUE(add_variable(buffer, 7, 1));
        ASSERT_TRUE(add_variable(buffer, 7, 2));
        buffer.close();
        const FrameReader frame = reader(*buffer.first());
        EXPECT_EQ(frame.registers(), registers);
        std::array<char, 8> text{};
        const auto out = std::as_writable_bytes(std::span(text));
        EXPECT_EQ(frame.memory(0x1002, out), 6U);
        EXPECT_EQ(std::string_view(text.data(), 6), "cdefgh");
        EXPECT_EQ(frame.memory(0x0fff, out), 0U);
        EXPECT_EQ(frame.memory(0x1008, out), 0U);
        EXPECT_EQ(frame.variable(7), 2U);
        EXPECT_EQ(frame.variable(8), std::nullopt);
        EXPECT_THAT(frame.contents().memory, ElementsAre(Pair(0x1000, 4), Pair(0x1004, 4)));
        EXPECT_THAT(frame.contents().variables, ElementsAre(7, 7));
    }
}

TEST_F(FrameBufferTest, AFrameWithoutABlockHasNone) {
    buffer.reset(97, false);
    ASSERT_TRUE(buffer.open(1));
    buffer.close();
    const FrameReader frame = reader(*buffer.first());
    EXPECT_EQ(frame.registers(), std::nullopt);
    EXPECT_THAT(frame.contents().memory, IsEmpty());
}

}  // namespace
}  // namespace ringside::debug
