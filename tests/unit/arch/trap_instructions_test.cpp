#include "arch/x86_64/trap_instructions.h"

#include <array>

#include <gtest/gtest.h>

namespace ringside::x86 {
namespace {

InterruptShadow behind(int first, int second) {
    const std::array before{std::byte(first), std::byte(second)};
    return interrupt_shadow_behind(before);
}

TEST(TrapInstructions, AreOneByteEach) {
    EXPECT_EQ(opcode(TrapInstruction::Int3), std::byte{0xcc});
    EXPECT_EQ(opcode(TrapInstruction::Halt), std::byte{0xf4});
    EXPECT_EQ(opcode(TrapInstruction::Undefined), std::byte{0xd6});
}

TEST(TrapInstructions, BochsStopsAtAnExchangeOfBxWithItself) {
    const std::array prefixed{std::byte{0x66}, std::byte{0x87}, std::byte{0xdb}};
    const std::span plain = std::span(prefixed).subspan(1);
    EXPECT_EQ(exchange_stop_length(prefixed, CpuMode::Long64), 3U);
    EXPECT_EQ(exchange_stop_length(prefixed, CpuMode::Protected32), 3U);
    EXPECT_EQ(exchange_stop_length(plain, CpuMode::Real), 2U);
    EXPECT_EQ(exchange_stop_length(plain, CpuMode::Long64), 0U) << "xchg %ebx,%ebx";
    EXPECT_EQ(exchange_stop_length(prefixed, CpuMode::Real), 0U);
    EXPECT_EQ(exchange_stop_length(plain.first(1), CpuMode::Real), 0U) << "the memory ends";
    EXPECT_EQ(exchange_stop_length({}, CpuMode::Long64), 0U);
}

TEST(TrapInstructions, TheShadowOfStiAndOfLoadsOfSs) {
    EXPECT_EQ(behind(0x90, 0xfb), InterruptShadow::Sti);
    EXPECT_EQ(behind(0x90, 0x17), InterruptShadow::MovSs);  // pop %ss
    EXPECT_EQ(behind(0x8e, 0xd0), InterruptShadow::MovSs);  // mov %ax, %ss
    EXPECT_EQ(behind(0x8e, 0xd7), InterruptShadow::MovSs);  // mov %di, %ss
    EXPECT_EQ(behind(0x8e, 0xd8), InterruptShadow::None);   // mov %ax, %ds
    EXPECT_EQ(behind(0x90, 0xd0), InterruptShadow::None);
    EXPECT_EQ(behind(0xfb, 0x90), InterruptShadow::None);  // a NOP has used it up
}

}  // namespace
}  // namespace ringside::x86
