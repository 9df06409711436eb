#include "gdbstub/framer.h"

#include <array>
#include <string>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "gdbstub/checksum.h"

namespace ringside::gdbstub {
namespace {

std::string framed(std::string_view payload) {
    return fmt::format("${}#{:02x}", payload, checksum(payload));
}

std::string describe(const frame::Event& event) {
    if (const auto* packet = std::get_if<frame::Packet>(&event))
        return "packet " + std::string(packet->payload);
    constexpr std::array<const char*, std::variant_size_v<frame::Event>> kNames = {
        "", "interrupt", "hangup", "ack", "nak", "bad checksum", "oversized", "malformed"};
    return kNames.at(event.index());
}

// All events of a stream that arrives in pieces of `piece` bytes.
std::vector<std::string> events(std::string_view stream, std::size_t piece) {
    Framer framer;
    std::vector<std::string> result;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
        // A copy that goes away, as a read buffer is overwritten: no view into it may survive.
        std::string chunk(stream.substr(at, piece));
        std::span<const std::byte> input = std::as_bytes(std::span(chunk));
        while (const auto event = framer.next(input))
            result.push_back(describe(*event));
        EXPECT_TRUE(input.empty());
        chunk.assign(chunk.size(), '?');
    }
    return result;
}

struct Case {
    const char* name;
    std::string stream;
    std::vector<std::string> expected;
};

class FramerTable : public ::testing::TestWithParam<Case> {};

// However the stream is cut, the events are the same.
TEST_P(FramerTable, GivesTheSameEventsForEveryPieceSize) {
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, GetParam().stream.size() + 1})
        EXPECT_EQ(events(GetParam().stream, piece), GetParam().expected) << "pieces of " << piece;
}

using namespace std::string_literals;

const Case kCases[] = {
    {"Plain", "$g#67", {"packet g"}},
    {"Hangup", "\x04", {"hangup"}},
    {"HangupInAPacket", "$m10#00\x04", {"bad checksum", "hangup"}},
    {"Empty", "$#00", {"packet "}},
    {"UpperCaseChecksum", "$OK#9A", {"packet OK"}},
    {"AcksAround", "+$g#67-", {"ack", "packet g", "nak"}},
    {"TwoInARow", "$g#67$?#3f", {"packet g", "packet ?"}},
    {"NoiseBetween", "xyz\n$g#67garbage#\0$?#3f"s, {"packet g", "packet ?"}},
    {"InterruptBetween", "\x03$g#67\x03", {"interrupt", "packet g", "interrupt"}},
    {"InterruptInsideIsData", framed("X0,1:\x03"), {"packet X0,1:\x03"}},
    {"DollarAndPercentInside", framed("X0,2:$%"), {"packet X0,2:$%"}},
    {"WrongChecksum", "$g#68$?#3f", {"bad checksum", "packet ?"}},
    {"ChecksumNotHex", "$g#6g", {"bad checksum"}},
    {"Escapes", framed("X0,4:}\x03}\x04}]}\n"), {"packet X0,4:#$}*"}},
    {"EscapeOfAnyByte", framed("a}Ab"), {"packet aab"}},
    {"Run", framed("0* "), {"packet 0000"}},
    {"LongRun", framed("0*~1"), {"packet " + std::string(98, '0') + "1"}},
    {"RunOfAnEscaped", framed("}\x03* "), {"packet ####"}},
    {"EscapeAtTheEnd", framed("ab}"), {"malformed"}},
    {"RunAtTheEnd", framed("ab*"), {"malformed"}},
    {"RunOfNothing", framed("* "), {"malformed"}},
    {"RunTooShort", framed("0*\x1f"), {"malformed"}},
    {"RunCountTooHigh", framed("0*\x7f"), {"malformed"}},
};

INSTANTIATE_TEST_SUITE_P(Streams, FramerTable, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST(Framer, HandsOutAWholeFrameWithoutACopy) {
    const std::string stream = framed("m1000,4");
    std::span<const std::byte> input = std::as_bytes(std::span(stream));
    Framer framer;
    const auto event = framer.next(input);
    ASSERT_TRUE(event && std::holds_alternative<frame::Packet>(*event));
    EXPECT_EQ(std::get<frame::Packet>(*event).payload.data(), stream.data() + 1);
}

TEST(Framer, TakesTheLongestPayloadAndRefusesALongerOne) {
    const std::string longest(kMaxPayload, 'a');
    EXPECT_EQ(events(framed(longest) + "$g#67", 4096),
              (std::vector<std::string>{"packet " + longest, "packet g"}));
    EXPECT_EQ(events(framed(longest + "a") + "$g#67", 4096),
              (std::vector<std::string>{"oversized", "packet g"}));
}

TEST(Framer, RefusesARunThatUnpacksToTooMuch) {
    std::string bomb = "0";
    for (std::size_t i = 0; i < kMaxPayload / 3 - 1; ++i)
        bomb += "*~0";
    EXPECT_EQ(events(framed(bomb), 65536), (std::vector<std::string>{"oversized"}));
}

TEST(Checksum, SumsEveryByteOfAnyLength) {
    std::string text;
    std::uint8_t sum = 0;
    for (int i = 0; i < 5000; ++i) {
        ASSERT_EQ(checksum(text), sum) << "length " << i;
        text.push_back(static_cast<char>(255 - i % 7));
        sum = static_cast<std::uint8_t>(sum + (255 - i % 7));
    }
}

}  // namespace
}  // namespace ringside::gdbstub
