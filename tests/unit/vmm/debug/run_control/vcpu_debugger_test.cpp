// What a vCPU's debugger does at each exit: exits go in, what was armed, written and reported comes out.

#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

TEST_F(VcpuDebuggerTest, AnInt3OfTheDebuggersIsAStop) {
    insert(BreakpointKind::Software, kCode);
    resume();
    EXPECT_TRUE(vcpu->now().has(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP));
    int3_at(kCode);
    EXPECT_TRUE(reason<gdbstub::StoppedBySoftwareBreakpoint>());
    EXPECT_EQ(hits(), 1U);
}

TEST_F(VcpuDebuggerTest, AnInt3OfTheGuestsIsGivenBackToIt) {
    insert(BreakpointKind::Software, kCode + 8);
    code({kInt3Byte});
    resume();
    int3_at(kCode);
    EXPECT_FALSE(stopped_here());
    EXPECT_TRUE(was_injected(KVM_GUESTDBG_INJECT_BP));
}

TEST_F(VcpuDebuggerTest, AResumeWithNothingArmedCostsNoCall) {
    resume();
    EXPECT_TRUE(vcpu->armed.empty());
}

TEST_F(VcpuDebuggerTest, ASlotIsArmedAndItsHitIsAStop) {
    insert(BreakpointKind::Hardware, kCode + 4);
    resume();
    EXPECT_EQ(vcpu->now().slots[0], kCode + 4);
    EXPECT_TRUE(vcpu->now().has(KVM_GUESTDBG_USE_HW_BP));
    debug_at(kCode + 4, 1);
    EXPECT_TRUE(reason<gdbstub::StoppedByHardwareBreakpoint>());
    EXPECT_EQ(hits(), 1U);
}

TEST_F(VcpuDebuggerTest, OfTwoSlotsTheOneThatHitIsReported) {
    insert(BreakpointKind::WriteWatch, kData, true, 8);
    insert(BreakpointKind::WriteWatch, kData + 8, true, 8);
    resume();
    debug_at(kCode + 4, 2);
    const auto* watch = reason<gdbstub::StoppedByWatchpoint>();
    ASSERT_TRUE(watch);
    EXPECT_EQ(watch->address, kData + 8);
}

TEST_F(VcpuDebuggerTest, AWatchpointWhoseConditionIsFalseRunsOn) {
    insert(BreakpointKind::WriteWatch, kData, false, 8);
    resume();
    debug_at(kCode + 4, 1);
    EXPECT_FALSE(stopped_here());
    EXPECT_EQ(hits(), 1U);
    EXPECT_FALSE(steps());
}

TEST_F(VcpuDebuggerTest, AReadWatchpointIsNotHitByAWrite) {
    insert(BreakpointKind::ReadWatch, kData, true, 4);
    code({0x89, 0x03, 0x8b, 0x03});  // mov %eax, (%rbx); mov (%rbx), %eax
    vcpu->registers.rbx = kData;
    resume();
    debug_at(kCode + 2, 0b11);
    EXPECT_FALSE(stopped_here());
    EXPECT_EQ(hits(), 0U);
    EXPECT_FALSE(steps());
    debug_at(kCode + 4, 0b10);
    const auto* watch = reason<gdbstub::StoppedByWatchpoint>();
    ASSERT_TRUE(watch);
    EXPECT_EQ(watch->kind, gdbstub::WatchKind::Read);
    EXPECT_EQ(hits(), 1U);
}

TEST_F(VcpuDebuggerTest, AReadWatchpointIsHitByAnInstructionThatReadsAndWrites) {
    insert(BreakpointKind::ReadWatch, kData, true, 4);
    code({0xf0, 0x0f, 0xb1, 0x0b});  // lock cmpxchg %ecx, (%rbx)
    vcpu->registers.rbx = kData;
    resume();
    debug_at(kCode + 4, 0b11);
    EXPECT_TRUE(reason<gdbstub::StoppedByWatchpoint>());
}

TEST_F(VcpuDebuggerTest, AStepEndsAtAWriteThatAReadWatchpointIsNotToReport) {
    insert(BreakpointKind::ReadWatch, kData, true, 4);
    code({0x89, 0x03});  // mov %eax, (%rbx)
    vcpu->registers.rbx = kData;
    resume(gdbstub::Step{});
    debug_at(kCode + 2, kBs | 0b11);
    EXPECT_TRUE(reason<gdbstub::StoppedBySignal>());
}

TEST_F(VcpuDebuggerTest, AStepIsOneStep) {
    resume(gdbstub::Step{});
    EXPECT_TRUE(steps());
    EXPECT_TRUE(vcpu->now().has(KVM_GUESTDBG_BLOCKIRQ));
    stepped_to(kCode + 1);
    EXPECT_TRUE(reason<gdbstub::StoppedBySignal>());
}

TEST_F(VcpuDebuggerTest, ARangeStepStopsOutsideTheRange) {
    resume(gdbstub::RangeStep{kCode, kCode + 3});
    stepped_to(kCode + 1);
    stepped_to(kCode + 2);
    EXPECT_FALSE(stopped_here());
    stepped_to(kCode + 3);
    EXPECT_TRUE(reason<gdbstub::StoppedBySignal>());
}

HostAbilities a_host_that_loses_steps() {
    auto abilities = a_complete_host();
    abilities.step_survives_emulation = false;
    return abilities;
}

class StepsLostAtEmulation : public VcpuDebuggerTest {
  protected:
    StepsLostAtEmulation() : VcpuDebuggerTest(a_host_that_loses_steps()) {}
};

TEST_F(StepsLostAtEmulation, AreRequestedAgainAfterAnInstructionThatMayBeEmulated) {
    code({0x90, 0x90, 0x50, 0x90});  // PUSH may be a store to a device
    resume(gdbstub::RangeStep{kCode, kCode + 8});
    const auto requested = vcpu->armed.size();
    stepped_to(kCode + 1);
    stepped_to(kCode + 2);
    EXPECT_EQ(vcpu->armed.size(), requested);
    stepped_to(kCode + 3);
    EXPECT_EQ(vcpu->armed.size(), requested + 1);
    EXPECT_FALSE(stopped_here());
    EXPECT_TRUE(steps());
}

TEST_F(VcpuDebuggerTest, ATrapBeforeTheInstructionIsNoStep) {
    resume(gdbstub::Step{});
    const auto armed_before = vcpu->armed.size();
    stepped_to(kCode);
    EXPECT_FALSE(stopped_here());
    EXPECT_GT(vcpu->armed.size(), armed_before);
    stepped_to(kCode + 1);
    EXPECT_TRUE(stopped_here());
}

TEST_F(VcpuDebuggerTest, ATrapBeforeAFarJumpIsNoStep) {
    code({0xea, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00});
    resume(gdbstub::Step{});
    for (int i = 0; i < 20; ++i) {
        stepped_to(kCode);
        ASSERT_FALSE(stopped_here());
    }
    stepped_to(0);
    EXPECT_TRUE(stopped_here());
}

TEST_F(VcpuDebuggerTest, TrapsBeforeAnIndirectJumpAreNoStepsForAWhile) {
    code({0xff, 0xe0});
    resume(gdbstub::Step{});
    for (int i = 0; i < 8; ++i) {
        stepped_to(kCode);
        ASSERT_FALSE(stopped_here());
    }
    stepped_to(kCode);
    EXPECT_TRUE(stopped_here()) << "it leads to itself";
}

TEST_F(VcpuDebuggerTest, ACallToItselfIsAStep) {
    code({0xe8, 0xfb, 0xff, 0xff, 0xff});
    resume(gdbstub::Step{});
    vcpu->registers.rsp -= 8;
    stepped_to(kCode);
    EXPECT_TRUE(stopped_here());
}

TEST_F(VcpuDebuggerTest, AJumpToItselfIsAStep) {
    code({0xeb, 0xfe});
    resume(gdbstub::Step{});
    stepped_to(kCode);
    EXPECT_TRUE(stopped_here());
}

TEST_F(VcpuDebuggerTest, TheSameTrapOnceMoreIsNotTheGuests) {
    insert(BreakpointKind::Software, kCode, false);
    resume();
    int3_at(kCode);
    stepped_to(kCode + 1);
    ASSERT_FALSE(steps());
    stepped_to(kCode + 1);
    EXPECT_FALSE(was_injected(KVM_GUESTDBG_INJECT_DB));
}

// Without anything armed KVM would give it to the guest. The client has moved the guest meanwhile.
TEST_F(VcpuDebuggerTest, WhereATrapMayComeAgainItIsWaitedFor) {
    auto abilities = a_complete_host();
    abilities.step_traps_again = true;
    use(abilities);
    constexpr std::uint64_t kElsewhere = kCode + 16;
    resume(gdbstub::Step{});
    stepped_to(kCode + 1);
    ASSERT_TRUE(stopped_here());
    vcpu->registers.rip = kElsewhere;
    resume();
    EXPECT_TRUE(vcpu->now().has(KVM_GUESTDBG_USE_HW_BP));
    EXPECT_EQ(vcpu->now().dr7 & 0xff, 0U) << "no slot";
    stepped_to(kElsewhere);
    EXPECT_FALSE(was_injected(KVM_GUESTDBG_INJECT_DB));
    EXPECT_TRUE(vcpu->now().has(KVM_GUESTDBG_USE_HW_BP)) << "it may come again";
    stepped_to(kElsewhere);
    EXPECT_FALSE(was_injected(KVM_GUESTDBG_INJECT_DB));
    stepped_to(kElsewhere + 1);
    EXPECT_TRUE(was_injected(KVM_GUESTDBG_INJECT_DB)) << "the next one is the guest's";
}

TEST_F(VcpuDebuggerTest, ElsewhereNothingIsArmedForIt) {
    resume(gdbstub::Step{});
    stepped_to(kCode + 1);
    resume();
    EXPECT_EQ(vcpu->now().control, 0U);
}

TEST_F(VcpuDebuggerTest, AnUnrequestedTrapIsTheGuests) {
    insert(BreakpointKind::Software, kCode);
    resume();
    stepped_to(kCode + 8);
    EXPECT_TRUE(was_injected(KVM_GUESTDBG_INJECT_DB));
    EXPECT_EQ(vcpu->debug_registers.dr6 & 0xe00f, kBs);
    EXPECT_FALSE(stopped_here());
}

TEST_F(VcpuDebuggerTest, HltIsSteppedByHalting) {
    code({0xf4});
    vcpu->pending.interrupt.shadow = 1;
    resume(gdbstub::Step{});
    EXPECT_TRUE(stopped_here());
    EXPECT_EQ(vcpu->registers.rip, kCode + 1);
    EXPECT_EQ(vcpu->run_state, std::uint32_t{KVM_MP_STATE_HALTED});
    EXPECT_EQ(vcpu->pending.interrupt.shadow, 0);
}

TEST_F(VcpuDebuggerTest, SyscallIsSteppedWithASlotAtItsTarget) {
    code({0x0f, 0x05});
    vcpu->msrs[0xc0000082] = 0x50000;
    resume(gdbstub::Step{});
    EXPECT_FALSE(steps());
    EXPECT_EQ(vcpu->now().slots[0], 0x50000U);
    debug_at(0x50000, 1);
    EXPECT_TRUE(stopped_here());
}

TEST_F(VcpuDebuggerTest, ADeadVcpuSaysSoAtEveryResume) {
    resume();
    debugger->on_fatal_exit(machine::FatalExit::TripleFault);
    EXPECT_EQ(events.dead, 1);
    ASSERT_TRUE(debugger->dead());
    resume();
    EXPECT_TRUE(debugger->dead());
    EXPECT_NE(coordinator->last_stop().console.find("triple fault"), std::string::npos);
}

TEST_F(VcpuDebuggerTest, ARefusedEntryNamesTheRegisterThatBreaksARule) {
    vcpu->system_registers.fs.base = 0x0000900000000000;
    resume();
    vcpu->shared().exit_reason = KVM_EXIT_FAIL_ENTRY;
    vcpu->shared().fail_entry.hardware_entry_failure_reason = 0x80000021;
    debugger->on_fatal_exit(machine::FatalExit::EntryFailure);
    const auto said = coordinator->last_stop().console;
    EXPECT_NE(said.find("GUEST_FS_BASE = 0x900000000000 must be canonical (SDM volume 3, 27.3.1.2)"),
              std::string::npos)
        << said;
}

TEST_F(VcpuDebuggerTest, AnSvmProcessorsRefusalIsNotCheckedByVmxsRules) {
    vcpu->system_registers.fs.base = 0x0000900000000000;
    resume();
    vcpu->shared().exit_reason = KVM_EXIT_FAIL_ENTRY;
    vcpu->shared().fail_entry.hardware_entry_failure_reason = 0xffffffff;
    debugger->on_fatal_exit(machine::FatalExit::EntryFailure);
    EXPECT_EQ(coordinator->last_stop().console.find("GUEST_"), std::string::npos);
}

// ---- The guest's own debug registers

class SharedSlots : public VcpuDebuggerTest {
  protected:
    static constexpr std::uint64_t kGeneralDetect = 1 << 13, kBd = 1 << 13;

    void guest_breaks_at(std::uint64_t address) {
        vcpu->debug_registers.dr[0] = address;
        vcpu->debug_registers.dr7 = 0x402;
    }
};

TEST_F(SharedSlots, TheGuestsSlotIsArmedBesideTheDebuggers) {
    guest_breaks_at(kCode + 16);
    insert(BreakpointKind::Hardware, kCode + 4);
    resume();
    EXPECT_EQ(vcpu->now().slots[0], kCode + 4);
    EXPECT_EQ(vcpu->now().slots[1], kCode + 16);
}

TEST_F(SharedSlots, AHitOfTheGuestsSlotIsTheGuestsByItsOwnNumber) {
    guest_breaks_at(kCode + 16);
    insert(BreakpointKind::Hardware, kCode + 4);
    resume();
    debug_at(kCode + 16, 2);
    EXPECT_FALSE(stopped_here());
    EXPECT_TRUE(was_injected(KVM_GUESTDBG_INJECT_DB));
    EXPECT_EQ(vcpu->debug_registers.dr6 & 0xf, 1U);
}

TEST_F(SharedSlots, WithoutRoomForBothTheVcpuIsStepped) {
    guest_breaks_at(kCode + 16);
    for (std::uint64_t i = 0; i < 4; ++i)
        insert(BreakpointKind::Hardware, kCode + 4 + i);
    resume();
    EXPECT_TRUE(steps());
    EXPECT_EQ(events.slots_short, 1);
}

// The guest reads DR6 in its #DB handler. With general detect armed the instruction would be met again, for ever.
TEST_F(SharedSlots, AMoveFromADebugRegisterIsPassedWithoutGeneralDetect) {
    auto abilities = a_complete_host();
    abilities.debug_register_exits = true;
    use(abilities);
    code({0x0f, 0x21, 0xf0});  // mov %dr6, %rax
    insert(BreakpointKind::Hardware, kCode + 16);
    resume();
    ASSERT_NE(vcpu->now().dr7 & kGeneralDetect, 0U);
    debug_at(kCode, kBd, vcpu->now().dr7);
    EXPECT_TRUE(steps());
    EXPECT_EQ(vcpu->now().dr7 & kGeneralDetect, 0U);
    EXPECT_EQ(vcpu->now().slots[0], kCode + 16);
    stepped_to(kCode + 3);
    EXPECT_FALSE(stopped_here());
    EXPECT_FALSE(steps());
    EXPECT_NE(vcpu->now().dr7 & kGeneralDetect, 0U);
}

}  // namespace
}  // namespace ringside::debug
