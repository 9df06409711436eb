// What the bytes are, as the disassembler reads them.

#include "arch/x86_64/instruction_bytes.h"

#include <gtest/gtest.h>

#include "arch/x86_64/decode.h"

namespace ringside::x86 {
namespace {

template <std::size_t Size>
std::string text(const std::array<std::byte, Size>& code, CpuMode mode = CpuMode::Long64) {
    const Decoder decoder;
    const auto read = decoder.disassemble(code, Gva{0}, mode);
    return read && read->length == Size ? read->text : "not one instruction";
}

TEST(InstructionBytes, AreTheInstructionsOfTheirNames) {
    EXPECT_EQ(text(code::kNop), "nop");
    EXPECT_EQ(text(code::kHlt), "hlt");
    EXPECT_EQ(text(code::kInt3), "int3");
    EXPECT_EQ(text(code::kCpuid), "cpuid");
    EXPECT_EQ(text(code::kRdmsr), "rdmsr");
    EXPECT_EQ(text(code::kMovRaxToDr7), "mov dr7, rax");
    EXPECT_EQ(text(code::mov_to_eax(0x12345678)), "mov eax, 0x12345678");
    EXPECT_EQ(text(code::mov_to_ecx(0xc0000082)), "mov ecx, 0xc0000082");
    EXPECT_EQ(text(code::store_eax_64(0x2000)), "mov dword ptr [0x2000], eax");
    EXPECT_EQ(text(code::store_eax_32(0xfee00080), CpuMode::Protected32), "mov dword ptr [0xfee00080], eax");
    EXPECT_EQ(text(code::out_al(0x80)), "out 0x80, al");
}

TEST(InstructionBytes, ASequenceIsInOrder) {
    constexpr auto kCode = code::sequence(code::kNop, code::kCpuid, code::kHlt);
    EXPECT_EQ(kCode, code::bytes(0x90, 0x0f, 0xa2, 0xf4));
}

}  // namespace
}  // namespace ringside::x86
