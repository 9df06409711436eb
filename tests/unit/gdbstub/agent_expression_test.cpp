#include "gdbstub/agent_expression.h"

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gdbstub/hex.h"

namespace ringside::gdbstub {
namespace {

// Registers 0 to 3 hold 0x10 to 0x13; memory at 0x1000 holds a string and little-endian numbers.
class FakeContext final : public AgentContext {
  public:
    std::optional<std::uint64_t> read_register(std::uint16_t regno) override {
        return regno < 4 ? std::optional<std::uint64_t>(0x10 + regno) : std::nullopt;
    }
    bool read_memory(std::uint64_t address, std::span<std::byte> out) override {
        static constexpr char kMemory[] = "hello\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11";
        if (address < 0x1000 || address - 0x1000 + out.size() > sizeof kMemory)
            return false;
        std::memcpy(out.data(), kMemory + (address - 0x1000), out.size());
        return true;
    }
    std::optional<std::uint64_t> get_variable(std::uint16_t n) override {
        return n == 1 ? std::optional(variable) : std::nullopt;
    }
    bool set_variable(std::uint16_t n, std::uint64_t value) override {
        variable = value;
        return n == 1;
    }
    void print(std::string_view text) override { printed += text; }

    std::uint64_t variable = 7;
    std::string printed;
};

std::vector<std::byte> code(std::string_view hex) {
    std::string digits;
    for (const char c : hex)
        if (c != ' ')
            digits += c;
    std::vector<std::byte> bytes;
    EXPECT_TRUE(decode_hex(digits, bytes)) << hex;
    return bytes;
}

struct Value {
    const char* hex;
    std::uint64_t expected;
};

constexpr std::uint64_t kMinus1 = UINT64_MAX;

// 22 nn: push a byte; 25: push eight; 27: end.
const Value kValues[] = {
    {"22 05 27", 5},
    {"23 0102 27", 0x102},
    {"24 01020304 27", 0x1020304},
    {"25 0102030405060708 27", 0x102030405060708},
    {"22 02 22 03 02 27", 5},                          // add
    {"22 02 22 03 03 27", kMinus1},                    // sub
    {"22 02 22 03 04 27", 6},                          // mul
    {"25 fffffffffffffff9 22 02 05 27", kMinus1 - 2},  // -7 / 2 = -3
    {"25 fffffffffffffff9 22 02 07 27", kMinus1},      // -7 % 2 = -1
    {"22 07 22 02 06 27", 3},                          // div_unsigned
    {"22 07 22 02 08 27", 1},                          // rem_unsigned
    {"25 8000000000000000 25 ffffffffffffffff 05 27", 0x8000000000000000},
    {"25 8000000000000000 25 ffffffffffffffff 07 27", 0},
    {"22 01 22 04 09 27", 0x10},                   // lsh
    {"22 01 22 40 09 27", 0},                      // by the whole width
    {"25 8000000000000000 22 3f 0a 27", kMinus1},  // rsh_signed
    {"25 8000000000000000 22 ff 0a 27", kMinus1},  // by more than the width
    {"25 8000000000000000 22 3f 0b 27", 1},        // rsh_unsigned
    {"25 8000000000000000 22 40 0b 27", 0},
    {"22 00 0e 27", 1},  // log_not
    {"22 05 0e 27", 0},
    {"22 0c 22 0a 0f 27", 8},  // and, or, xor, not
    {"22 0c 22 0a 10 27", 0xe},
    {"22 0c 22 0a 11 27", 6},
    {"22 00 12 27", kMinus1},
    {"22 05 22 05 13 27", 1},                // equal
    {"25 ffffffffffffffff 22 01 14 27", 1},  // less_signed
    {"25 ffffffffffffffff 22 01 15 27", 0},  // less_unsigned
    {"22 80 16 08 27", kMinus1 - 0x7f},      // ext
    {"22 80 16 40 27", 0x80},
    {"25 ffffffffffffffff 2a 08 27", 0xff},  // zero_ext
    {"23 1008 17 27", 0x88},                 // ref8 to ref64
    {"23 1008 18 27", 0x7788},
    {"23 1008 19 27", 0x55667788},
    {"23 1008 1a 27", 0x1122334455667788},
    {"26 0002 27", 0x12},                       // reg
    {"22 01 20 0008 22 0a 27 22 0b 27", 0x0b},  // if_goto, taken
    {"22 00 20 0008 22 0a 27 22 0b 27", 0x0a},  // and not
    {"21 0005 22 01 22 02 27", 2},              // goto
    {"22 05 28 02 27", 10},                     // dup
    {"22 05 22 06 29 27", 5},                   // pop
    {"22 05 22 06 2b 03 27", 1},                // swap, sub
    {"22 05 22 06 22 07 32 02 27", 5},          // pick
    {"22 01 22 02 22 03 33 27", 2},             // rot: 3 1 2
    {"22 01 22 02 22 03 33 29 29 27", 3},
    {"2c 0001 27", 7},                   // getv
    {"22 09 2d 0001 29 2c 0001 27", 9},  // setv keeps its value on the stack
};

TEST(AgentExpression, ComputesWithEveryBytecode) {
    for (const Value& value : kValues) {
        FakeContext context;
        const auto bytes = code(value.hex);
        EXPECT_TRUE(verify_agent_expression(bytes)) << value.hex;
        const auto result = evaluate_agent_expression(bytes, context);
        ASSERT_TRUE(result) << value.hex << ": " << to_string(result.error());
        EXPECT_EQ(*result, value.expected) << value.hex;
    }
}

struct Failing {
    const char* hex;
    AgentFailure expected;
};

const Failing kFailing[] = {
    {"", AgentFailure::Truncated},
    {"22 05", AgentFailure::Truncated},  // no end
    {"22", AgentFailure::Truncated},
    {"25 00", AgentFailure::Truncated},
    {"00 27", AgentFailure::BadOpcode},
    {"01 27", AgentFailure::BadOpcode},
    {"1b 27", AgentFailure::BadOpcode},
    {"31 27", AgentFailure::BadOpcode},
    {"35 27", AgentFailure::BadOpcode},
    {"22 01 16 00 27", AgentFailure::BadOpcode},  // to extend from no bits
    {"21 0063 27", AgentFailure::BadJump},
    {"27", AgentFailure::StackUnderflow},
    {"02 27", AgentFailure::StackUnderflow},
    {"22 01 02 27", AgentFailure::StackUnderflow},
    {"22 01 32 01 27", AgentFailure::StackUnderflow},
    {"22 01 22 01 33 27", AgentFailure::StackUnderflow},
    {"20 0000", AgentFailure::StackUnderflow},
    {"22 01 21 0000", AgentFailure::StackOverflow},
    {"21 0000", AgentFailure::StepLimit},
    {"22 01 22 00 05 27", AgentFailure::DivisionByZero},
    {"22 01 22 00 08 27", AgentFailure::DivisionByZero},
    {"26 0009 27", AgentFailure::BadRegister},
    {"22 00 17 27", AgentFailure::BadMemory},
    {"2c 0005 27", AgentFailure::BadVariable},
    {"22 00 22 01 0c 27", AgentFailure::NoTrace},
    {"22 00 0d 01 27", AgentFailure::NoTrace},
    {"22 00 30 0001 27", AgentFailure::NoTrace},
    {"2e 0001 27", AgentFailure::NoTrace},
    {"23 1000 22 20 2f 27", AgentFailure::NoTrace},
};

TEST(AgentExpression, FailsForEachReason) {
    for (const Failing& failing : kFailing) {
        FakeContext context;
        const auto result = evaluate_agent_expression(code(failing.hex), context);
        ASSERT_FALSE(result) << failing.hex;
        EXPECT_EQ(result.error(), failing.expected) << failing.hex << ": " << to_string(result.error());
    }
}

TEST(AgentExpression, VerifierRefusesWhatCannotRun) {
    for (const char* hex :
         {"", "22", "00", "31", "34 00 0002 41", "21 0063", "21 0004 25 0000000000000027 27"})
        EXPECT_FALSE(verify_agent_expression(code(hex))) << hex;
    EXPECT_FALSE(verify_agent_expression(std::vector<std::byte>(kAgentMaxCode + 1, std::byte{0x27})));
}

// A printf bytecode: the arguments, last first, then channel and function, as gdb compiles a dprintf.
std::string printf_code(std::string_view format, const std::vector<std::string>& arguments) {
    std::string hex;
    for (std::size_t i = arguments.size(); i > 0; --i)
        hex += arguments[i - 1];
    std::string text(format);
    text.push_back('\0');
    std::array<char, 12> head{};
    std::snprintf(head.data(), head.size(), "34%02zx%04zx", arguments.size(), text.size());
    return hex + "22002200" + head.data() + to_hex(text) + "27";
}

std::string print(std::string_view format, const std::vector<std::string>& arguments) {
    FakeContext context;
    const auto bytes = code(printf_code(format, arguments));
    EXPECT_TRUE(verify_agent_expression(bytes));
    const auto done = run_agent_command(bytes, context);
    return done ? context.printed : std::string(to_string(done.error()));
}

TEST(AgentExpression, Prints) {
    EXPECT_EQ(print("plain 100%%\n", {}), "plain 100%\n");
    EXPECT_EQ(print("%d-%u", {"24ffffffff", "24ffffffff"}), "-1-4294967295");
    EXPECT_EQ(print("%lld|%5d|%-4x|%#lx|%05d", {"25ffffffffffffffff", "222a", "222a", "222a", "222a"}),
              "-1|   42|2a  |0x2a|00042");
    EXPECT_EQ(print("%hhx %hd", {"2312ff", "24 0001ffff"}), "ff -1");
    EXPECT_EQ(print("%c%s|%.2s|%p", {"2241", "231000", "231000", "231000"}), "Ahello|he|0x1000");
}

// gdb sends a dprintf's format as it was typed: "\n" is two characters.
TEST(AgentExpression, ResolvesEscapesInFormats) {
    EXPECT_EQ(print(R"(a\tb\\c\"\'\a\b\e\f\r\v\101\12%d\n)", {"2205"}), "a\tb\\c\"'\a\b\x1b\f\r\v\x41\n5\n");
    for (const char* format : {R"(\)", R"(a\q)", R"(\x41)", R"(\8)"})
        EXPECT_EQ(print(format, {}), "the printf format is not supported") << format;
}

TEST(AgentExpression, RefusesBadFormats) {
    constexpr std::string_view kBad = "the printf format is not supported";
    for (const char* format :
         {"%", "%l", "%n", "%f", "%*d", "%99999d", "%.9999d", "%1.1.1d", "%-+ #0-+ #0-+ #d"})
        EXPECT_EQ(print(format, {"2200", "2200"}), kBad) << format;
    EXPECT_EQ(print("%d", {}), kBad);
    EXPECT_EQ(print("%s", {"2200"}), "memory cannot be read");
    FakeContext context;
    EXPECT_FALSE(run_agent_command(code("34 00 0001 00 27"), context));          // nothing on the stack
    EXPECT_FALSE(run_agent_command(code("2200220034 00 0001 41 27"), context));  // no end of string
    EXPECT_FALSE(run_agent_command(code("2200220034 00 0000 27"), context));
}

}  // namespace
}  // namespace ringside::gdbstub
