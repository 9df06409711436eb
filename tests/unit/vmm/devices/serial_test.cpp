#include "vmm/devices/serial.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/unit/vmm/devices/fakes.h"

namespace ringside::devices {
namespace {

constexpr std::uint64_t kRbr = 0, kThr = 0, kDll = 0, kIer = 1, kDlm = 1, kIir = 2, kFcr = 2, kLcr = 3,
                        kMcr = 4, kLsr = 5, kMsr = 6, kScr = 7;

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

class SerialTest : public testing::Test {
  protected:
    FakeLine line;
    StringSink sink;
    Serial serial{line, sink};
};

TEST_F(SerialTest, WritesCharacters) {
    for (const char c : std::string("hello\n"))
        out(serial, kThr, static_cast<std::uint8_t>(c));
    EXPECT_EQ(sink.text, "hello\n");
    EXPECT_EQ(in(serial, kLsr), 0x60);
}

TEST_F(SerialTest, DivisorLatchHidesBehindDlab) {
    out(serial, kLcr, 0x83);
    out(serial, kDll, 0x01);
    out(serial, kDlm, 0x02);
    EXPECT_EQ(in(serial, kDll), 0x01);
    EXPECT_EQ(in(serial, kDlm), 0x02);
    out(serial, kLcr, 0x03);
    EXPECT_EQ(in(serial, kIer), 0x00);
    EXPECT_EQ(sink.text, "");
    EXPECT_EQ(serial.save().divisor, 0x0201);
}

// How drivers find out if there is a UART: IER keeps its low four bits, SCR everything.
TEST_F(SerialTest, RegistersThatAProbeWrites) {
    out(serial, kIer, 0xff);
    EXPECT_EQ(in(serial, kIer), 0x0f);
    out(serial, kIer, 0);
    EXPECT_EQ(in(serial, kIer), 0);
    out(serial, kScr, 0xa5);
    EXPECT_EQ(in(serial, kScr), 0xa5);
}

// Linux's autoconfig: with LOOP, OUT2 and RTS set, MSR must show DCD and CTS and nothing else.
TEST_F(SerialTest, LoopbackReturnsModemControl) {
    EXPECT_EQ(in(serial, kMsr) & 0xf0, 0xb0);
    out(serial, kMcr, 0x1a);
    EXPECT_EQ(in(serial, kMsr) & 0xf0, 0x90);
    out(serial, kMcr, 0x15);
    EXPECT_EQ(in(serial, kMsr) & 0xf0, 0x60);
    out(serial, kMcr, 0x00);
    EXPECT_EQ(in(serial, kMsr) & 0xf0, 0xb0);
}

TEST_F(SerialTest, LoopbackReturnsCharactersAndKeepsThemOffTheLine) {
    out(serial, kMcr, 0x10);
    out(serial, kThr, 'x');
    EXPECT_EQ(in(serial, kLsr), 0x61);
    EXPECT_EQ(in(serial, kRbr), 'x');
    EXPECT_EQ(in(serial, kLsr), 0x60);
    EXPECT_EQ(sink.text, "");
    EXPECT_EQ(serial.receive(bytes("y")), 0U);
}

// 16550A detection: FIFOs on show as 0xc0 in IIR.
TEST_F(SerialTest, FifoEnableShowsInIir) {
    EXPECT_EQ(in(serial, kIir), 0x01);
    out(serial, kFcr, 0x07);
    EXPECT_EQ(in(serial, kIir), 0xc1);
    out(serial, kFcr, 0x00);
    EXPECT_EQ(in(serial, kIir), 0x01);
}

// Linux's test for UARTs that fail to reassert THRE: enabling THRI raises the interrupt each time, and
// reading IIR takes it back.
TEST_F(SerialTest, TransmitterInterruptIsReassertedByEnabling) {
    for (int i = 0; i < 2; ++i) {
        out(serial, kIer, 0x02);
        EXPECT_TRUE(line.level);
        EXPECT_EQ(in(serial, kIir), 0x02);
        EXPECT_FALSE(line.level);
        EXPECT_EQ(in(serial, kIir), 0x01);
        out(serial, kIer, 0x00);
    }
    EXPECT_EQ(line.edges, 2);
}

TEST_F(SerialTest, EveryCharacterSentInterruptsAgain) {
    out(serial, kIer, 0x02);
    in(serial, kIir);
    out(serial, kThr, 'a');
    EXPECT_TRUE(line.level);
    EXPECT_EQ(in(serial, kIir), 0x02);
    EXPECT_FALSE(line.level);
}

TEST_F(SerialTest, RewritingIerDoesNotRaiseAnAcknowledgedInterrupt) {
    out(serial, kIer, 0x02);
    in(serial, kIir);
    out(serial, kIer, 0x03);
    EXPECT_FALSE(line.level);
}

TEST_F(SerialTest, WithoutFifoTakesOneCharacter) {
    out(serial, kIer, 0x01);
    EXPECT_EQ(serial.receive(bytes("ab")), 1U);
    EXPECT_TRUE(line.level);
    EXPECT_EQ(in(serial, kIir), 0x04);
    EXPECT_EQ(in(serial, kLsr), 0x61);
    EXPECT_EQ(in(serial, kRbr), 'a');
    EXPECT_FALSE(line.level);
    EXPECT_EQ(in(serial, kRbr), 0);
}

TEST_F(SerialTest, FifoKeepsOrderAndReportsTriggerOrTimeout) {
    out(serial, kFcr, 0x81);  // trigger at 8
    out(serial, kIer, 0x01);
    EXPECT_EQ(serial.receive(bytes("0123456789abcdefXYZ")), 16U);
    std::string got;
    while ((in(serial, kLsr) & 1) != 0) {
        EXPECT_EQ(in(serial, kIir), got.size() <= 8 ? 0xc4 : 0xcc) << got.size();
        got += static_cast<char>(in(serial, kRbr));
    }
    EXPECT_EQ(got, "0123456789abcdef");
    EXPECT_EQ(in(serial, kIir), 0xc1);
}

TEST_F(SerialTest, ReceiverOutranksTransmitter) {
    out(serial, kIer, 0x03);
    serial.receive(bytes("a"));
    EXPECT_EQ(in(serial, kIir), 0x04);
    in(serial, kRbr);
    EXPECT_EQ(in(serial, kIir), 0x02);
    EXPECT_EQ(in(serial, kIir), 0x01);
}

TEST_F(SerialTest, OverrunInLoopbackIsALineStatusInterrupt) {
    out(serial, kMcr, 0x10);
    out(serial, kIer, 0x04);
    out(serial, kThr, 'a');
    out(serial, kThr, 'b');
    EXPECT_EQ(in(serial, kIir), 0x06);
    EXPECT_EQ(in(serial, kLsr), 0x63);
    EXPECT_EQ(in(serial, kLsr), 0x61);
    EXPECT_EQ(in(serial, kIir), 0x01);
}

TEST_F(SerialTest, ABreakIsACharacterWithAStatus) {
    out(serial, kFcr, 0x01);
    out(serial, kIer, 0x05);
    serial.receive(bytes("a"));
    EXPECT_TRUE(serial.receive_break());
    serial.receive(bytes("h"));
    EXPECT_EQ(in(serial, kLsr), 0xe1) << "not before its turn";
    EXPECT_EQ(in(serial, kRbr), 'a');
    EXPECT_EQ(in(serial, kIir) & 0x0f, 0x06);
    EXPECT_EQ(in(serial, kLsr), 0xf1);
    EXPECT_EQ(in(serial, kLsr), 0x61) << "it is shown once";
    EXPECT_EQ(in(serial, kRbr), 0);
    EXPECT_EQ(in(serial, kLsr), 0x61);
    EXPECT_EQ(in(serial, kRbr), 'h');
    EXPECT_FALSE(line.level);
}

TEST_F(SerialTest, ABreakNeedsRoom) {
    serial.receive(bytes("a"));
    EXPECT_FALSE(serial.receive_break()) << "the one character that fits";
    in(serial, kRbr);
    out(serial, kMcr, 0x10);
    EXPECT_FALSE(serial.receive_break()) << "loopback disconnects the line";
    out(serial, kMcr, 0);
    EXPECT_TRUE(serial.receive_break());
    const Serial::State waiting = serial.save();
    in(serial, kRbr);
    serial.restore(waiting);
    EXPECT_EQ(in(serial, kLsr), 0x71);
}

TEST_F(SerialTest, ModemStatusInterruptOnChange) {
    out(serial, kIer, 0x08);
    out(serial, kMcr, 0x10);  // CTS, DSR and DCD fall
    EXPECT_EQ(in(serial, kIir), 0x00);
    EXPECT_EQ(in(serial, kMsr), 0x0b);
    EXPECT_EQ(in(serial, kMsr), 0x00);
    EXPECT_FALSE(line.level);
}

TEST_F(SerialTest, SaysWhenThereIsRoomAgain) {
    int calls = 0;
    serial.on_space_available([&] { ++calls; });
    serial.receive(bytes("a"));
    in(serial, kRbr);
    EXPECT_EQ(calls, 0) << "nothing was refused";
    serial.receive(bytes("ab"));
    EXPECT_EQ(calls, 0);
    in(serial, kRbr);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(serial.receive(bytes("b")), 1U);
}

TEST_F(SerialTest, SaysSoWhenLoopbackEnds) {
    int calls = 0;
    serial.on_space_available([&] { ++calls; });
    out(serial, kMcr, 0x10);
    EXPECT_EQ(serial.receive(bytes("a")), 0U);
    out(serial, kMcr, 0x0b);
    EXPECT_EQ(calls, 1);
}

TEST_F(SerialTest, ClearingTheFifoMakesRoom) {
    int calls = 0;
    serial.on_space_available([&] { ++calls; });
    out(serial, kFcr, 0x01);
    EXPECT_EQ(serial.receive(bytes("0123456789abcdefX")), 16U);
    out(serial, kFcr, 0x03);
    EXPECT_EQ(in(serial, kLsr), 0x60);
    EXPECT_EQ(calls, 1);
}

TEST_F(SerialTest, WideAccessesAreBytewise) {
    out(serial, kScr, 0x5a);
    std::array<std::byte, 4> data{};
    serial.read(4, data);
    EXPECT_EQ(std::to_integer<int>(data[1]), 0x60);
    EXPECT_EQ(std::to_integer<int>(data[3]), 0x5a);
}

TEST_F(SerialTest, RestoresStateAndLine) {
    out(serial, kFcr, 0x01);
    out(serial, kIer, 0x01);
    serial.receive(bytes("saved"));
    const Serial::State state = serial.save();

    FakeLine other_line;
    Serial other(other_line, sink);
    other.restore(state);
    EXPECT_EQ(other.save(), state);
    EXPECT_TRUE(other_line.level);
    EXPECT_EQ(in(other, kRbr), 's');
}

TEST_F(SerialTest, RestoreDefusesAnImpossibleState) {
    Serial::State state;
    state.received_count = 0xffff;
    state.breaks = 0xffff;
    state.ier = 0xff;
    state.fcr = 0xff;
    serial.restore(state);
    int count = 0;
    while ((in(serial, kLsr) & 1) != 0) {
        in(serial, kRbr);
        ++count;
    }
    EXPECT_EQ(count, 16);
    EXPECT_EQ(in(serial, kIer), 0x0f);
}

TEST_F(SerialTest, ReceivesWhileTheGuestReads) {
    out(serial, kFcr, 0x01);
    std::atomic<bool> room{true};
    serial.on_space_available([&] {
        room = true;
        room.notify_one();
    });
    const std::string text(4096, 'z');
    std::thread input([&] {
        std::size_t sent = 0;
        while (sent < text.size()) {
            room.wait(false);
            room = false;
            sent += serial.receive(bytes(text).subspan(sent));
        }
    });
    std::size_t got = 0;
    while (got < text.size()) {
        if ((in(serial, kLsr) & 1) != 0) {
            EXPECT_EQ(in(serial, kRbr), 'z');
            ++got;
        }
    }
    input.join();
}

}  // namespace
}  // namespace ringside::devices
