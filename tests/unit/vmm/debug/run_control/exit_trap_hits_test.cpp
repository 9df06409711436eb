// Breakpoints on a host that reports no int3, but stops at the exit of what is planted instead.

#include <utility>

#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

HostAbilities a_host_without_int3() {
    HostAbilities abilities;
    abilities.halt_traps = abilities.undefined_traps = true;
    abilities.step_real = abilities.step_long = abilities.step_user = abilities.step_blocks_interrupts = true;
    return abilities;
}

class ExitTrapHits : public VcpuDebuggerTest {
  protected:
    static constexpr std::uint8_t kHltByte = 0xf4, kUdbByte = 0xd6, kSti = 0xfb;
    static constexpr std::uint8_t kUndefinedVector = 6;
    static constexpr std::uint64_t kIf = 1 << 9;
    // TestGuest's first pages once more, at addresses that only 64-bit code has.
    static constexpr std::uint64_t kHigh = 0x8000000000;

    ExitTrapHits() : VcpuDebuggerTest(a_host_without_int3()) {
        guest.poke(TestGuest::kPml4 + 8, TestGuest::kPdpt | 3);
    }

    // KVM has halted the vCPU after an HLT, and the event has come.
    void halted_behind(std::uint64_t hlt) {
        vcpu->registers.rip = hlt + 1;
        vcpu->run_state = KVM_MP_STATE_HALTED;
        exit_trap->caught = true;
        debugger->on_interrupted();
    }
    // A #UD waits to be delivered, and the event has come.
    void undefined_at(std::uint64_t rip) {
        vcpu->registers.rip = rip;
        vcpu->pending.exception.injected = 1;
        vcpu->pending.exception.nr = kUndefinedVector;
        exit_trap->caught = true;
        debugger->on_interrupted();
    }
    bool halted() const { return vcpu->run_state == KVM_MP_STATE_HALTED; }
};

TEST_F(ExitTrapHits, AHltIsAHitAsIfTheVcpuHadNotExecutedIt) {
    insert(BreakpointKind::Software, kCode);
    resume();
    EXPECT_TRUE(exit_trap->traps.halt);
    EXPECT_FALSE(exit_trap->traps.undefined);
    halted_behind(kCode);
    EXPECT_TRUE(reason<gdbstub::StoppedBySoftwareBreakpoint>());
    EXPECT_EQ(hits(), 1U);
    EXPECT_EQ(vcpu->registers.rip, kCode);
    EXPECT_FALSE(halted());
}

// A later kernel does not halt a vCPU for which an interrupt is pending.
TEST_F(ExitTrapHits, AHltThatHasNotHaltedTheVcpuIsAHit) {
    insert(BreakpointKind::Software, kCode);
    resume();
    vcpu->registers.rip = kCode + 1;
    exit_trap->caught = true;
    debugger->on_interrupted();
    EXPECT_TRUE(reason<gdbstub::StoppedBySoftwareBreakpoint>());
    EXPECT_EQ(vcpu->registers.rip, kCode);
}

TEST_F(ExitTrapHits, AnUndefinedInstructionIsAHitAndItsExceptionIsForgotten) {
    insert(BreakpointKind::Software, kHigh + kCode);
    resume();
    EXPECT_EQ(byte(kCode), kUdbByte);
    EXPECT_TRUE(exit_trap->traps.undefined);
    EXPECT_FALSE(exit_trap->traps.halt);
    undefined_at(kHigh + kCode);
    EXPECT_TRUE(reason<gdbstub::StoppedBySoftwareBreakpoint>());
    EXPECT_EQ(vcpu->registers.rip, kHigh + kCode);
    EXPECT_EQ(vcpu->pending.exception.injected, 0);
}

TEST_F(ExitTrapHits, TheGuestsOwnHltHalts) {
    insert(BreakpointKind::Software, kCode);
    code({kHltByte}, kCode + 8);
    resume();
    halted_behind(kCode + 8);
    EXPECT_FALSE(stopped_here());
    EXPECT_TRUE(halted());
    EXPECT_EQ(vcpu->registers.rip, kCode + 9);
}

TEST_F(ExitTrapHits, TheGuestsOwnUndefinedInstructionRaisesItsException) {
    insert(BreakpointKind::Software, kHigh + kCode);
    resume();
    undefined_at(kHigh + kCode + 8);
    EXPECT_FALSE(stopped_here());
    EXPECT_EQ(vcpu->pending.exception.injected, 1);
}

// A signal for another reason: the vCPU waits in the halt that it was stepped into, at a breakpoint's HLT.
TEST_F(ExitTrapHits, AHaltedVcpuThatWasKickedHasHitNothing) {
    insert(BreakpointKind::Software, kCode);
    resume();
    vcpu->registers.rip = kCode + 1;
    vcpu->run_state = KVM_MP_STATE_HALTED;
    debugger->on_interrupted();
    EXPECT_FALSE(stopped_here());
    EXPECT_TRUE(halted());
}

TEST_F(ExitTrapHits, AHitThatDoesNotStopIsSteppedOffAndArmedAgain) {
    insert(BreakpointKind::Software, kCode, false);
    resume();
    halted_behind(kCode);
    EXPECT_FALSE(stopped_here());
    EXPECT_EQ(hits(), 1U);
    EXPECT_EQ(byte(kCode), kNop);
    EXPECT_TRUE(steps());
    stepped_to(kCode + 1);
    EXPECT_EQ(byte(kCode), kHltByte);
    EXPECT_FALSE(steps());
    EXPECT_TRUE(exit_trap->armed());
}

// The guest's HLT under the breakpoint's: it is executed, and ends in a halt.
TEST_F(ExitTrapHits, AHltUnderABreakpointThatDoesNotStopHalts) {
    code({kHltByte});
    insert(BreakpointKind::Software, kCode, false);
    resume();
    halted_behind(kCode);
    EXPECT_EQ(hits(), 1U);
    EXPECT_TRUE(halted());
    EXPECT_EQ(vcpu->registers.rip, kCode + 1);
}

// A step that ends at the planted HLT and continues: KVM reports the trap of the step and has halted the vCPU.
TEST_F(ExitTrapHits, AHltThatWasSteppedIsAHit) {
    insert(BreakpointKind::Software, kCode);
    insert(BreakpointKind::WriteWatch, kData, true, 8);  // by stepping on this host
    resume();
    ASSERT_TRUE(steps());
    exit_trap->caught = true;
    vcpu->run_state = KVM_MP_STATE_HALTED;
    stepped_to(kCode + 1);
    EXPECT_TRUE(reason<gdbstub::StoppedBySoftwareBreakpoint>());
    EXPECT_EQ(vcpu->registers.rip, kCode);
    EXPECT_FALSE(halted());
}

TEST_F(ExitTrapHits, BehindStiInterruptsWaitForOneInstructionStill) {
    code({kSti}, kCode - 1);
    insert(BreakpointKind::Software, kCode);
    resume();
    vcpu->registers.rflags |= kIf;
    halted_behind(kCode);
    EXPECT_EQ(vcpu->pending.interrupt.shadow, KVM_X86_SHADOW_INT_STI);
}

// With IF clear there is no STI's shadow, and processors refuse to enter a guest that has one.
TEST_F(ExitTrapHits, WithInterruptsOffThereIsNoShadowOfSti) {
    code({kSti}, kCode - 1);
    insert(BreakpointKind::Software, kCode);
    resume();
    halted_behind(kCode);
    EXPECT_EQ(vcpu->pending.interrupt.shadow, 0);
}

// Without paging it is not known that user code will run there: HLT, which would raise #GP there.
TEST_F(ExitTrapHits, WhatWasPlantedWithoutPagingIsChosenAgainWithPaging) {
    for (const std::uint64_t entry : {TestGuest::kPml4, TestGuest::kPdpt, TestGuest::kDirectory})
        guest.poke<std::uint8_t>(entry, guest.peek(entry) | 4);  // user
    const auto paging = guest.state.system;
    for (auto* system : {&guest.state.system, &vcpu->system_registers}) {
        system->cr0 = x86::cr0::kPe;
        system->efer = 0;
        system->cs.l = 0;
    }
    insert(BreakpointKind::Software, kCode);
    resume();
    EXPECT_EQ(byte(kCode), kHltByte);
    EXPECT_TRUE(exit_trap->traps.paging);
    vcpu->system_registers = paging;
    exit_trap->caught = true;
    debugger->on_interrupted();
    EXPECT_EQ(byte(kCode), kUdbByte);
    EXPECT_FALSE(exit_trap->traps.paging);
    EXPECT_TRUE(exit_trap->traps.undefined);
}

TEST_F(ExitTrapHits, TheLastBreakpointsEndDisarms) {
    insert(BreakpointKind::Software, kCode);
    resume();
    halted_behind(kCode);
    table.remove(stopped.token(), BreakpointKind::Software, kCode, 1);
    resume();
    EXPECT_FALSE(exit_trap->armed());
}

}  // namespace
}  // namespace ringside::debug
