#include "vmm/devices/i8042.h"

#include <gtest/gtest.h>

#include "tests/unit/vmm/devices/fakes.h"

namespace ringside::devices {
namespace {

constexpr std::uint64_t kData = 0, kCommand = 4;

class I8042Test : public testing::Test {
  protected:
    // The controller's command, and its one-byte answer, which must be there at once.
    std::uint8_t ask(std::uint8_t command) {
        out(i8042, kCommand, command);
        EXPECT_TRUE(output_full()) << int{command};
        return in(i8042, kData);
    }
    bool output_full() { return (in(i8042, kCommand) & 1) != 0; }

    FakeMachine machine;
    FakeLine line;
    I8042 i8042{machine, line};
};

TEST_F(I8042Test, PulsingTheResetLineResets) {
    out(i8042, kCommand, 0xfe);
    ASSERT_EQ(machine.resets.size(), 1U);
    EXPECT_EQ(machine.resets[0], "i8042");
    out(i8042, kCommand, 0xff);  // pulses nothing
    EXPECT_EQ(machine.resets.size(), 1U);
}

TEST_F(I8042Test, StatusNeverSaysThatInputIsFull) {
    out(i8042, kCommand, 0xd1);
    EXPECT_EQ(in(i8042, kCommand) & 0x02, 0);
    EXPECT_EQ(in(i8042, kCommand) & 0x08, 0x08);
}

// What Linux's i8042 driver asks before it believes in a controller.
TEST_F(I8042Test, PassesADriversProbe) {
    EXPECT_FALSE(output_full());
    EXPECT_EQ(ask(0xaa), 0x55);
    const std::uint8_t config = ask(0x20);
    out(i8042, kCommand, 0x60);
    out(i8042, kData, config | 0x10);
    EXPECT_EQ(ask(0x20), config | 0x10);
    EXPECT_EQ(ask(0xab), 0x00);
}

TEST_F(I8042Test, HasNoMouse) {
    out(i8042, kCommand, 0xd3);
    out(i8042, kData, 0x5a);
    EXPECT_TRUE(output_full());
    EXPECT_EQ(in(i8042, kCommand) & 0x20, 0) << "an echo from a mouse port has bit 5 set";
    EXPECT_EQ(ask(0xa9), 0x01);
}

TEST_F(I8042Test, DisablesAndEnablesItsPorts) {
    out(i8042, kCommand, 0xad);
    EXPECT_EQ(ask(0x20) & 0x10, 0x10);
    out(i8042, kCommand, 0xae);
    EXPECT_EQ(ask(0x20) & 0x10, 0);
    out(i8042, kCommand, 0xa8);
    EXPECT_EQ(ask(0x20) & 0x20, 0);
    out(i8042, kCommand, 0xa7);
    EXPECT_EQ(ask(0x20) & 0x20, 0x20);
}

// The sequence of every boot loader: read the output port, set bit 1, write it back.
TEST_F(I8042Test, OpensA20ByTheOutputPort) {
    out(i8042, kCommand, 0xdd);
    std::uint8_t port = ask(0xd0);
    EXPECT_EQ(port & 0x03, 0x01);
    out(i8042, kCommand, 0xd1);
    out(i8042, kData, port | 0x02);
    EXPECT_EQ(ask(0xd0) & 0x03, 0x03);
    out(i8042, kCommand, 0xdd);
    out(i8042, kCommand, 0xdf);
    EXPECT_EQ(ask(0xd0) & 0x02, 0x02);
    EXPECT_TRUE(machine.resets.empty());
}

TEST_F(I8042Test, OutputPortBitZeroResets) {
    out(i8042, kCommand, 0xd1);
    out(i8042, kData, 0x02);
    EXPECT_EQ(machine.resets.size(), 1U);
}

TEST_F(I8042Test, KeyboardAnswersByInterrupt) {
    out(i8042, kData, 0xf2);
    EXPECT_TRUE(line.level);
    EXPECT_EQ(in(i8042, kData), 0xfa);
    EXPECT_EQ(in(i8042, kData), 0xab);
    EXPECT_EQ(in(i8042, kData), 0x83);
    EXPECT_FALSE(line.level);
    EXPECT_EQ(line.edges, 3);
}

TEST_F(I8042Test, KeyboardTakesArguments) {
    out(i8042, kData, 0xf0);
    EXPECT_EQ(in(i8042, kData), 0xfa);
    out(i8042, kData, 0x00);
    EXPECT_EQ(in(i8042, kData), 0xfa);
    EXPECT_EQ(in(i8042, kData), 0x02);
    out(i8042, kData, 0xff);
    EXPECT_EQ(in(i8042, kData), 0xfa);
    EXPECT_EQ(in(i8042, kData), 0xaa);
    EXPECT_FALSE(output_full());
}

TEST_F(I8042Test, ControllerAnswersWithoutInterrupt) {
    ask(0xaa);
    EXPECT_EQ(line.edges, 0);
    out(i8042, kCommand, 0x60);
    out(i8042, kData, 0x60);  // keyboard interrupt off
    out(i8042, kData, 0xff);
    EXPECT_FALSE(line.level);
    EXPECT_TRUE(output_full());
}

TEST_F(I8042Test, OtherOffsetsFloat) {
    EXPECT_EQ(in(i8042, 1), 0xff);
}

TEST_F(I8042Test, RestoresStateAndLine) {
    out(i8042, kData, 0xf2);
    const I8042::State state = i8042.save();
    FakeLine other_line;
    I8042 other(machine, other_line);
    other.restore(state);
    EXPECT_EQ(other.save(), state);
    EXPECT_TRUE(other_line.level);
    I8042::State impossible = state;
    impossible.output_count = 200;
    other.restore(impossible);
    EXPECT_EQ(other.save().output_count, 4);
}

}  // namespace
}  // namespace ringside::devices
