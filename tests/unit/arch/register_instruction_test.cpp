#include "arch/x86_64/register_instruction.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace ringside::x86 {
namespace {

struct Case {
    const char* label;
    std::vector<std::uint8_t> bytes;
    bool expected;
    CpuMode mode = CpuMode::Long64;
};

class RegisterInstruction : public testing::TestWithParam<Case> {};

TEST_P(RegisterInstruction, IsRecognized) {
    const Case& c = GetParam();
    EXPECT_EQ(uses_only_registers(std::as_bytes(std::span(c.bytes)), c.mode), c.expected);
}

constexpr CpuMode k32 = CpuMode::Protected32, k16 = CpuMode::Real;

INSTANTIATE_TEST_SUITE_P(
    All, RegisterInstruction,
    testing::Values(
        Case{"Nop", {0x90}, true}, Case{"LongNop", {0x0f, 0x1f, 0x44, 0, 0}, true},
        Case{"AddRegister", {0x48, 0x01, 0xd8}, true}, Case{"AddMemory", {0x48, 0x01, 0x18}, false},
        Case{"AddImmediate", {0x05, 1, 0, 0, 0}, true}, Case{"CmpImmediate", {0x83, 0xf8, 1}, true},
        Case{"CmpMemoryImmediate", {0x83, 0x38, 1}, false}, Case{"PushEs", {0x06}, false, k32},
        Case{"MovRegister", {0x48, 0x89, 0xe5}, true}, Case{"MovStore", {0x89, 0x45, 0xfc}, false},
        Case{"MovLoad", {0x8b, 0x45, 0xfc}, false}, Case{"MovImmediate", {0xb8, 1, 0, 0, 0}, true},
        Case{"MovRegisterImmediate", {0xc7, 0xc0, 1, 0, 0, 0}, true},
        Case{"MovMemoryImmediate", {0xc7, 0x00, 1, 0, 0, 0}, false},
        Case{"Xbegin", {0xc7, 0xf8, 0, 0, 0, 0}, false},
        Case{"MovAbsolute", {0xa1, 0, 0, 0, 0, 0, 0, 0, 0}, false}, Case{"MovSegment", {0x8e, 0xd8}, false},
        Case{"Lea", {0x48, 0x8d, 0x04, 0x07}, true}, Case{"LeaOfARegister", {0x8d, 0xc0}, false},
        Case{"TestRegister", {0x85, 0xc0}, true}, Case{"XchgMemory", {0x87, 0x03}, false},
        Case{"Jcc", {0x75, 0xfb}, true}, Case{"JccNear", {0x0f, 0x84, 0, 0, 0, 0}, true},
        Case{"Jmp", {0xeb, 0xfe}, true}, Case{"JmpIndirect", {0xff, 0xe0}, false},
        Case{"Call", {0xe8, 0, 0, 0, 0}, false}, Case{"Ret", {0xc3}, false}, Case{"Push", {0x50}, false},
        Case{"IncRegister", {0xff, 0xc0}, true}, Case{"IncMemory", {0xff, 0x00}, false},
        Case{"IncIn32BitMode", {0x40}, true, k32}, Case{"RexAlone", {0x40}, false},
        Case{"Neg", {0xf7, 0xd8}, true}, Case{"Div", {0xf7, 0xf3}, false},
        Case{"Shift", {0xc1, 0xe0, 4}, true}, Case{"ShiftMemory", {0xc1, 0x20, 4}, false},
        Case{"Movsxd", {0x48, 0x63, 0xc3}, true}, Case{"Arpl", {0x63, 0xc3}, false, k32},
        Case{"Movzx", {0x0f, 0xb6, 0xc0}, true}, Case{"MovzxMemory", {0x0f, 0xb6, 0x00}, false},
        Case{"Cmov", {0x0f, 0x44, 0xc3}, true}, Case{"Rdtsc", {0x0f, 0x31}, false},
        Case{"Cpuid", {0x0f, 0xa2}, false}, Case{"Wrmsr", {0x0f, 0x30}, false},
        Case{"MovFromCr0", {0x0f, 0x20, 0xc0}, false}, Case{"Popcnt", {0xf3, 0x0f, 0xb8, 0xc0}, false},
        Case{"Pause", {0xf3, 0x90}, false}, Case{"Lock", {0xf0, 0x01, 0xd8}, false},
        Case{"Out", {0xe6, 0xf4}, false}, Case{"In", {0xec}, false}, Case{"Hlt", {0xf4}, false},
        Case{"Cli", {0xfa}, false}, Case{"Cld", {0xfc}, true}, Case{"Int3", {0xcc}, false},
        Case{"Vex", {0xc5, 0xf8, 0x77}, false}, Case{"LesIsNoVex", {0xc4, 0x07}, false, k16},
        Case{"OperandSize", {0x66, 0x89, 0xd8}, true}, Case{"Nothing", {}, false},
        Case{"OnlyPrefixes", {0x66, 0x48}, false}, Case{"EndsAtTheEscape", {0x0f}, false},
        Case{"EndsBeforeModrm", {0x01}, false}),
    [](const auto& test) { return test.param.label; });

}  // namespace
}  // namespace ringside::x86
