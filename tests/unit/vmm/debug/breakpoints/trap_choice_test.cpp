// Which instruction a breakpoint is planted as: by the host, the CPU's mode and the place.

#include "vmm/debug/breakpoints/trap_choice.h"

#include <gtest/gtest.h>

#include "arch/x86_64/control_bits.h"

namespace ringside::debug {
namespace {

using x86::TrapInstruction;

constexpr TrapPlace kLow{Gva{0x200000}, Gpa{0x200000}, false};
constexpr TrapPlace kKernel{Gva{0xffffffff81000000}, Gpa{0x1000000}, false};
constexpr TrapPlace kUser{Gva{0x401000}, Gpa{0x300000}, true};
constexpr TrapPlace kHighUser{Gva{0x555555555000}, Gpa{0x300000}, true};

HostAbilities int3s() {
    HostAbilities a;
    a.int3_real = a.int3_protected = a.int3_long = a.int3_user = Int3::DebugExit;
    return a;
}
HostAbilities exits() {
    HostAbilities a;
    a.halt_traps = a.undefined_traps = true;
    return a;
}

x86::SystemRegisters real_mode() {
    return {};
}
x86::SystemRegisters protected_mode() {
    x86::SystemRegisters s;
    s.cr0 = x86::cr0::kPe;
    return s;
}
x86::SystemRegisters long_mode(std::uint8_t cpl = 0) {
    x86::SystemRegisters s = protected_mode();
    s.efer = x86::efer::kLma;
    s.cs.l = 1;
    s.ss.dpl = cpl;
    return s;
}

TEST(TrapChoice, Int3WhereverTheHostReportsIt) {
    auto all = exits();
    all.int3_real = all.int3_protected = all.int3_long = Int3::DebugExit;
    for (const auto& system : {real_mode(), protected_mode(), long_mode()})
        EXPECT_EQ(choose_trap(all, system, kLow), TrapInstruction::Int3);
    EXPECT_EQ(choose_trap(int3s(), long_mode(), kUser), TrapInstruction::Int3);
}

TEST(TrapChoice, OtherwiseHltInAllKernelCodeThatMayBeOfAnyMode) {
    for (const auto& system : {real_mode(), protected_mode(), long_mode()})
        EXPECT_EQ(choose_trap(exits(), system, kLow), TrapInstruction::Halt);
}

TEST(TrapChoice, AnUndefinedInstructionOnlyIn64BitCode) {
    EXPECT_EQ(choose_trap(exits(), long_mode(), kKernel), TrapInstruction::Undefined);
    EXPECT_EQ(choose_trap(exits(), long_mode(), kHighUser), TrapInstruction::Undefined);
    EXPECT_EQ(choose_trap(exits(), long_mode(3), kUser), TrapInstruction::Undefined);
    auto compatibility = long_mode(3);
    compatibility.cs.l = 0;
    EXPECT_EQ(choose_trap(exits(), compatibility, kUser), std::nullopt);
}

// An HLT of L2's leaves to L1.
TEST(TrapChoice, NoHltInTheCodeOfTheGuestsGuest) {
    auto place = kLow;
    place.inner = true;
    auto system = long_mode();
    EXPECT_EQ(choose_trap(exits(), system, place), std::nullopt);  // CS is L1's
    system.inner.running = true;
    EXPECT_EQ(choose_trap(exits(), system, place), TrapInstruction::Undefined);
    system.cs.l = 0;
    EXPECT_EQ(choose_trap(exits(), system, place), std::nullopt);
    EXPECT_EQ(choose_trap(int3s(), system, place), TrapInstruction::Int3);
    place.address = kKernel.address;
    EXPECT_EQ(choose_trap(exits(), long_mode(), place), TrapInstruction::Undefined);
}

TEST(TrapChoice, NothingForUserCodeOfUnknownMode) {
    EXPECT_EQ(choose_trap(exits(), long_mode(), kUser), std::nullopt);
    EXPECT_EQ(choose_trap(exits(), protected_mode(), kUser), std::nullopt);
}

TEST(TrapChoice, AGuestWithout32BitUserCodeHas64BitUserCode) {
    auto place = kUser;
    place.user_may_be_32_bit = false;
    EXPECT_EQ(choose_trap(exits(), long_mode(), place), TrapInstruction::Undefined);
    place.user = false;  // the kernel's may be 32-bit code all the same
    EXPECT_EQ(choose_trap(exits(), long_mode(), place), TrapInstruction::Halt);
}

TEST(TrapChoice, HltReplacesAnUndefinedInstructionThatTheHostDoesNotCatch) {
    auto only_halt = exits();
    only_halt.undefined_traps = false;
    EXPECT_EQ(choose_trap(only_halt, long_mode(), kKernel), TrapInstruction::Halt);
    EXPECT_EQ(choose_trap(only_halt, long_mode(), kHighUser), std::nullopt);
}

TEST(TrapChoice, NothingOnAHostThatStopsAtNoInstruction) {
    EXPECT_EQ(choose_trap(HostAbilities{}, long_mode(), kKernel), std::nullopt);
}

// Where real mode needs another way, the first MiB is left to it: its code may run in either mode.
TEST(TrapChoice, BelowOneMegabyteRealModeDecides) {
    auto host = int3s();
    host.int3_real = Int3::GoesToGuest;
    constexpr TrapPlace kBios{Gva{0x7c00}, Gpa{0x7c00}, false};
    EXPECT_EQ(choose_trap(host, protected_mode(), kBios), TrapInstruction::Int3) << "there is no other way";
    host.execute_slots = true;
    EXPECT_EQ(choose_trap(host, protected_mode(), kBios), std::nullopt);
    host.halt_traps = true;
    EXPECT_EQ(choose_trap(host, protected_mode(), kBios), TrapInstruction::Halt);
    EXPECT_EQ(choose_trap(host, protected_mode(), kLow), TrapInstruction::Int3);
}

}  // namespace
}  // namespace ringside::debug
