// What a planted instruction's exit changes in a vCPU, and how it is undone.

#include "vmm/debug/host/exit_trap.h"

#include <gtest/gtest.h>

#include "tests/support/scripted_vcpu.h"

namespace ringside::debug {
namespace {

using ringside::testing::ScriptedVcpu;
using x86::InterruptShadow;
using x86::TrapInstruction;
using x86::VirtualizationKind;

constexpr std::uint64_t kRip = 0x1000;
constexpr std::uint8_t kDebugVector = 1, kUndefinedVector = 6, kPageFaultVector = 14;

void raise(ScriptedVcpu& vcpu, std::uint8_t vector) {
    vcpu.pending.exception.injected = 1;
    vcpu.pending.exception.nr = vector;
}

TEST(ExitTrapFilter, NamesTheExitsByTheProcessorsOwnCodes) {
    EXPECT_EQ(exit_trap_filter(VirtualizationKind::Svm, {.halt = true, .undefined = false, .paging = false}),
              "exit_reason == 0x78");
    EXPECT_EQ(exit_trap_filter(VirtualizationKind::Svm, {.halt = false, .undefined = true, .paging = false}),
              "exit_reason == 0x46");
    EXPECT_EQ(exit_trap_filter(VirtualizationKind::Vmx, {.halt = true, .undefined = true, .paging = true}),
              "exit_reason == 0xc || (exit_reason == 0x0 && intr_info == 0x80000306) || exit_reason == 0x1c");
    EXPECT_EQ(exit_trap_filter(VirtualizationKind::Svm, {.halt = false, .undefined = false, .paging = true}),
              "exit_reason == 0x10 || exit_reason == 0x65");
}

// Halted or not: a kernel need not halt a vCPU for which an interrupt is pending.
TEST(FindExit, AnHltIsBeforeRip) {
    for (const std::uint32_t state : {KVM_MP_STATE_HALTED, KVM_MP_STATE_RUNNABLE}) {
        ScriptedVcpu vcpu;
        vcpu.run_state = state;
        const auto exit = find_exit(vcpu, kRip + 1);
        ASSERT_TRUE(exit && *exit);
        EXPECT_EQ((*exit)->instruction, TrapInstruction::Halt);
        EXPECT_EQ((*exit)->rip, kRip);
    }
}

TEST(FindExit, TheTrapOfTheGuestsOwnTfComesBehindAnHlt) {
    ScriptedVcpu vcpu;
    raise(vcpu, kDebugVector);
    const auto exit = find_exit(vcpu, kRip + 1);
    ASSERT_TRUE(exit && *exit);
    EXPECT_EQ((*exit)->instruction, TrapInstruction::Halt);
}

TEST(FindExit, AnUndefinedInstructionIsWhereRipIs) {
    ScriptedVcpu vcpu;
    raise(vcpu, kUndefinedVector);
    const auto exit = find_exit(vcpu, kRip);
    ASSERT_TRUE(exit && *exit);
    EXPECT_EQ((*exit)->instruction, TrapInstruction::Undefined);
    EXPECT_EQ((*exit)->rip, kRip);
}

TEST(FindExit, AnotherExceptionIsOfNoPlantedInstruction) {
    ScriptedVcpu vcpu;
    raise(vcpu, kPageFaultVector);
    const auto exit = find_exit(vcpu, kRip);
    EXPECT_TRUE(exit && !*exit);
}

TEST(FindExit, AnExceptionOfThePastSaysNothing) {
    ScriptedVcpu vcpu;
    vcpu.pending.exception.nr = kUndefinedVector;  // neither injected nor pending
    const auto exit = find_exit(vcpu, kRip + 1);
    ASSERT_TRUE(exit && *exit);
    EXPECT_EQ((*exit)->instruction, TrapInstruction::Halt);
}

TEST(UndoExit, AHaltedVcpuRunsAgainWithTheShadowThatTheHltEnded) {
    ScriptedVcpu vcpu;
    vcpu.run_state = KVM_MP_STATE_HALTED;
    raise(vcpu, kDebugVector);  // by the guest's own TF
    vcpu.pending.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
    ASSERT_TRUE(undo_exit(vcpu, TrapInstruction::Halt, InterruptShadow::Sti));
    EXPECT_EQ(vcpu.run_state, static_cast<std::uint32_t>(KVM_MP_STATE_RUNNABLE));
    EXPECT_EQ(vcpu.pending.exception.injected, 0);
    EXPECT_EQ(vcpu.pending.interrupt.shadow, KVM_X86_SHADOW_INT_STI);
    EXPECT_TRUE(vcpu.pending.flags & KVM_VCPUEVENT_VALID_SHADOW);
    EXPECT_FALSE(vcpu.pending.flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
        << "an NMI that comes meanwhile would be lost";
}

TEST(UndoExit, AnExceptionIsForgottenAndItsShadowIsStillThere) {
    ScriptedVcpu vcpu;
    raise(vcpu, kUndefinedVector);
    vcpu.pending.interrupt.shadow = KVM_X86_SHADOW_INT_MOV_SS;
    ASSERT_TRUE(undo_exit(vcpu, TrapInstruction::Undefined, InterruptShadow::None));
    EXPECT_EQ(vcpu.pending.exception.injected, 0);
    EXPECT_EQ(vcpu.pending.interrupt.shadow, KVM_X86_SHADOW_INT_MOV_SS);
}

}  // namespace
}  // namespace ringside::debug
