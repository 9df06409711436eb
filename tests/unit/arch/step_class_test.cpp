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

TEST(SelfJump, IsAJumpThatLeadsToItself) {
    const auto leads = [](std::vector<std::uint8_t> bytes, CpuMode mode = k64) {
        return self_jump(std::as_bytes(std::span(bytes)), mode, 0x100de0);
    };
    EXPECT_EQ(leads({0xeb, 0xfe}), SelfJump::Yes);                            // jmp .
    EXPECT_EQ(leads({0xeb, 0xfd}), SelfJump::No);                             // jmp .-1
    EXPECT_EQ(leads({0x2e, 0x75, 0xfd}), SelfJump::Yes);                      // jne .
    EXPECT_EQ(leads({0xe2, 0xfe}), SelfJump::Yes);                            // loop .
    EXPECT_EQ(leads({0xe9, 0xfb, 0xff, 0xff, 0xff}), SelfJump::Yes);          // jmp .
    EXPECT_EQ(leads({0xe9, 0x00, 0x00, 0x00, 0x00}), SelfJump::No);           // jmp .+5
    EXPECT_EQ(leads({0xe9, 0xfd, 0xff}, k16), SelfJump::Yes);                 // jmp .
    EXPECT_EQ(leads({0x0f, 0x85, 0xfa, 0xff, 0xff, 0xff}), SelfJump::Yes);    // jne .
    EXPECT_EQ(leads({0xff, 0xe0}), SelfJump::Unknown);                        // jmp *%rax
    EXPECT_EQ(leads({0xff, 0x28}), SelfJump::Unknown);                        // ljmp *(%rax)
    EXPECT_EQ(leads({0xff, 0xd0}), SelfJump::No);                             // call *%rax
    EXPECT_EQ(leads({0xe8, 0xfb, 0xff, 0xff, 0xff}), SelfJump::No);           // call .
    EXPECT_EQ(leads({0xea, 0xe0, 0x0d, 0x10, 0, 8, 0}, k32), SelfJump::Yes);  // ljmp $8,$.
    EXPECT_EQ(leads({0xea, 0xe7, 0x0d, 0x10, 0, 8, 0}, k32), SelfJump::No);   // ljmp $8,$.+7
    EXPECT_EQ(leads({0x48, 0xeb, 0xfd}), SelfJump::Yes) << "a REX prefix";    // rex.w jmp .
    EXPECT_EQ(leads({0x48, 0xeb, 0xfd}, k32), SelfJump::No) << "dec %eax";
    EXPECT_EQ(leads({0x0f, 0x01, 0x15, 0x40, 0x20, 0x10, 0x00}), SelfJump::No);  // lgdt
    EXPECT_EQ(leads({0x90}), SelfJump::No);                                      // nop
    EXPECT_EQ(leads({0xe9, 0xfb}), SelfJump::No) << "cut short";
}

}  // namespace
}  // namespace ringside::x86
