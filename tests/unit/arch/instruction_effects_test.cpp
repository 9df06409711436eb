#include "arch/x86_64/instruction_effects.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringside::x86 {
namespace {

Effects of(std::vector<std::uint8_t> bytes, CpuMode mode = CpuMode::Long64) {
    return effects(std::as_bytes(std::span(bytes)), mode);
}

TEST(InstructionEffects, OrdinaryCodeChangesGeneralRegistersAndMemory) {
    for (const std::vector<std::uint8_t>& bytes : std::vector<std::vector<std::uint8_t>>{
             {0x48, 0x89, 0xe5},              // mov %rsp,%rbp
             {0x55},                          // push %rbp
             {0xc3},                          // ret
             {0xe8, 0, 0, 0, 0},              // call
             {0x74, 0x10},                    // je
             {0x0f, 0x84, 0, 0, 0, 0},        // je
             {0x0f, 0xb6, 0xc0},              // movzbl
             {0xf3, 0x0f, 0xb8, 0xc0},        // popcnt
             {0xf3, 0x48, 0xab},              // rep stos
             {0xf0, 0x0f, 0xb1, 0x0b},        // lock cmpxchg
             {0x66, 0x0f, 0x1f, 0x44, 0, 0},  // nopw
             {0xf3, 0x0f, 0x1e, 0xfa},        // endbr64
             {0x0f, 0xae, 0xf0},              // mfence
             {0xff, 0xd0},                    // call *%rax
             {0xc7, 0x00, 1, 0, 0, 0},        // movl
         })
        EXPECT_EQ(of(bytes), Effects::GeneralRegisters) << ::testing::PrintToString(bytes);
}

TEST(InstructionEffects, SegmentsAndInterruptFlagsAreSystemRegisters) {
    for (const std::vector<std::uint8_t>& bytes : std::vector<std::vector<std::uint8_t>>{{0xfa},
                                                                                         {0xfb},
                                                                                         {0x9d},
                                                                                         {0x8e, 0xd0},
                                                                                         {0x48, 0xcf},
                                                                                         {0xcd, 0x80},
                                                                                         {0x0f, 0x05},
                                                                                         {0x48, 0xcb},
                                                                                         {0xff, 0x28}})
        EXPECT_EQ(of(bytes), Effects::SystemRegisters) << ::testing::PrintToString(bytes);
}

TEST(InstructionEffects, WhatIsNotKnownToBeLessIsAnything) {
    for (const std::vector<std::uint8_t>& bytes : std::vector<std::vector<std::uint8_t>>{
             {},
             {0x48},
             {0x0f},
             {0xff},
             {0xee},                    // out
             {0xf4},                    // hlt
             {0xd9, 0xe8},              // fld1
             {0x0f, 0x28, 0xc1},        // movaps
             {0xf2, 0x0f, 0x10, 0x00},  // movsd
             {0xc5, 0xf8, 0x77},        // vzeroupper
             {0x62, 0xf1, 0x7c, 0x48},  // AVX-512
             {0x0f, 0x30},              // wrmsr
             {0x0f, 0x01, 0xf8},        // swapgs
             {0x0f, 0x22, 0xd8},        // mov %rax,%cr3
             {0x0f, 0x23, 0xf8},        // mov %rax,%dr7
             {0x0f, 0xae, 0x10},        // ldmxcsr
             {0x0f, 0xc7, 0x18},        // xrstors
             {0x0f, 0x77},              // emms
         })
        EXPECT_EQ(of(bytes), Effects::Anything) << ::testing::PrintToString(bytes);
}

TEST(InstructionEffects, IncIsNoPrefixOutsideOf64BitMode) {
    EXPECT_EQ(of({0x40, 0xee}), Effects::Anything);
    EXPECT_EQ(of({0x40, 0xee}, CpuMode::Protected32), Effects::GeneralRegisters);
}

}  // namespace
}  // namespace ringside::x86
