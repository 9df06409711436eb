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
