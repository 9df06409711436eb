#include "arch/x86_64/step_class.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringside::x86 {
namespace {

struct Case {
    const char* label;
    std::vector<std::uint8_t> bytes;
    CpuMode mode;
    StepClass expected;
};

class StepClassTable : public testing::TestWithParam<Case> {};

TEST_P(StepClassTable, Classifies) {
    const Case& c = GetParam();
    EXPECT_EQ(classify(std::as_bytes(std::span(c.bytes)), c.mode), c.expected);
}

constexpr CpuMode k64 = CpuMode::Long64, k32 = CpuMode::Protected32, k16 = CpuMode::Real;
using enum StepKind;

INSTANTIATE_TEST_SUITE_P(
    All, StepClassTable,
    testing::Values(
        Case{"Nop", {0x90}, k64, {Ordinary}}, Case{"Nothing", {}, k64, {Ordinary}},
        Case{"Pushf", {0x9c}, k64, {PushFlags, 1}}, Case{"Pushfd", {0x66, 0x9c}, k16, {PushFlags, 2}},
        Case{"Popf", {0x9d}, k32, {PopFlags, 1}}, Case{"Int3", {0xcc}, k64, {SoftwareInterrupt, 1, 3}},
        Case{"Int1", {0xf1}, k64, {SoftwareInterrupt, 1, 1}},
        Case{"IntN", {0xcd, 0x80}, k32, {SoftwareInterrupt, 2, 0x80}},
        Case{"IntNCutShort", {0xcd}, k32, {Ordinary}}, Case{"Into", {0xce}, k32, {SoftwareInterrupt, 1, 4}},
        Case{"IntoDoesNotExistIn64BitMode", {0xce}, k64, {Ordinary}},
        Case{"Iretq", {0x48, 0xcf}, k64, {InterruptReturn, 2}},
        Case{"DecEaxIsNoPrefixIn32BitMode", {0x48, 0xcf}, k32, {Ordinary}},
        Case{"Syscall", {0x0f, 0x05}, k64, {Syscall, 2}},
        Case{"Sysretq", {0x48, 0x0f, 0x07}, k64, {Sysret, 3}},
        Case{"Sysenter", {0x0f, 0x34}, k32, {Sysenter, 2}}, Case{"Sysexit", {0x0f, 0x35}, k32, {Sysexit, 2}},
        Case{"MovSsAx", {0x8e, 0xd0}, k16, {LoadsStackSegment, 2}},
        Case{"MovSsMemory", {0x8e, 0x16, 0, 0x7c}, k16, {LoadsStackSegment, 0}},
        Case{"MovDsAx", {0x8e, 0xd8}, k16, {Ordinary}}, Case{"PopSs", {0x17}, k32, {LoadsStackSegment, 1}},
        Case{"NoPopSs", {0x17}, k64, {Ordinary}}, Case{"Lss", {0x0f, 0xb2, 0x20}, k32, {Ordinary}},
        Case{"Hlt", {0xf4}, k64, {Halt, 1}}, Case{"RepMovsq", {0xf3, 0x48, 0xa5}, k64, {RepeatedString, 3}},
        Case{"RepneScasb", {0xf2, 0xae}, k32, {RepeatedString, 2}},
        Case{"RepInsw", {0x66, 0xf3, 0x6d}, k32, {RepeatedString, 3}},
        Case{"MovsAlone", {0xa4}, k32, {Ordinary}}, Case{"Pause", {0xf3, 0x90}, k64, {Ordinary}},
        Case{"PopcntIsNoString", {0xf3, 0x0f, 0xb8, 0xc0}, k64, {Ordinary}},
        Case{"OnlyPrefixes", std::vector<std::uint8_t>(20, 0x66), k64, {Ordinary}},
        Case{"TooManyPrefixes",
             [] {
                 std::vector<std::uint8_t> bytes(15, 0x66);
                 bytes.push_back(0xcc);
                 return bytes;
             }(),
             k64,
             {Ordinary}}),
    [](const auto& test) { return test.param.label; });

TEST(MayStayInPlace, OnlyWhatMayLeadToItself) {
    const auto may_stay = [](std::vector<std::uint8_t> bytes) {
        return may_stay_in_place(std::as_bytes(std::span(bytes)));
    };
    EXPECT_TRUE(may_stay({0xeb, 0xfe}));                                 // jmp .
    EXPECT_TRUE(may_stay({0x0f, 0x85, 0xfa, 0xff, 0xff, 0xff}));         // jne .
    EXPECT_TRUE(may_stay({0xff, 0xe0}));                                 // jmp *%rax
    EXPECT_FALSE(may_stay({0x0f, 0x01, 0x15, 0x40, 0x20, 0x10, 0x00}));  // lgdt
    EXPECT_FALSE(may_stay({0x48, 0x0f, 0xaf, 0xc3}));                    // imul
    EXPECT_FALSE(may_stay({0x90}));                                      // nop
}

}  // namespace
}  // namespace ringside::x86
