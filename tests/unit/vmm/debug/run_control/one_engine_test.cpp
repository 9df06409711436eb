// Stepping off a breakpoint obeys the rules of every other step. Each test does both: the client steps, and a
// breakpoint whose condition is false is stepped off.

#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

enum class Who : std::uint8_t { Client, StepOff };

class OneEngine : public VcpuDebuggerTest, public ::testing::WithParamInterface<Who> {
  protected:
    bool steps_off() const { return GetParam() == Who::StepOff; }
    // The guest is about to do one step at kCode.
    void begin() {
        if (!steps_off())
            return resume(gdbstub::Step{});
        insert(BreakpointKind::Software, kCode, false);
        resume();
        int3_at(kCode);
    }
    static constexpr std::uint64_t kHandler = 0x50000;
    // As an interrupt does it at kCode: RIP, CS, RFLAGS, RSP, SS.
    std::uint64_t push_interrupt_frame(std::uint64_t rflags) {
        const std::uint64_t frame = kStack - 40;
        guest.poke<std::uint64_t>(frame, kCode);
        guest.poke<std::uint64_t>(frame + 8, vcpu->system_registers.cs.selector);
        guest.poke<std::uint64_t>(frame + 16, rflags);
        guest.poke<std::uint64_t>(frame + 24, kStack);
        vcpu->registers.rsp = frame;
        return frame;
    }
    // After the step: what the client steps is a stop, what is stepped off is none, and the int3 is back.
    void expect_done() {
        EXPECT_EQ(stopped_here(), !steps_off());
        if (steps_off()) {
            EXPECT_EQ(byte(kCode), kInt3Byte);
        }
    }
};

INSTANTIATE_TEST_SUITE_P(Who, OneEngine, ::testing::Values(Who::Client, Who::StepOff),
                         [](const auto& each) { return each.param == Who::Client ? "Client" : "StepOff"; });

TEST_P(OneEngine, TheInstructionUnderTheBreakpointIsExecuted) {
    begin();
    EXPECT_TRUE(steps());
    EXPECT_EQ(byte(kCode), kNop);
    stepped_to(kCode + 1);
    expect_done();
}

TEST_P(OneEngine, InterruptsAreHeldBack) {
    begin();
    EXPECT_TRUE(vcpu->now().has(KVM_GUESTDBG_BLOCKIRQ));
}

TEST_P(OneEngine, PushfDoesNotShowTheTrapFlag) {
    code({0x9c});
    begin();
    vcpu->registers.rsp = kStack - 8;
    guest.poke<std::uint64_t>(kStack - 8, 2 | kTf);
    stepped_to(kCode + 1);
    EXPECT_EQ(byte(kStack - 7), 0);
    expect_done();
}

TEST_P(OneEngine, PushfShowsTheGuestsOwnTrapFlag) {
    code({0x9c});
    vcpu->registers.rflags |= kTf;
    begin();
    vcpu->registers.rsp = kStack - 8;
    guest.poke<std::uint64_t>(kStack - 8, 2 | kTf);
    stepped_to(kCode + 1);
    EXPECT_EQ(byte(kStack - 7), 1);
}

TEST_P(OneEngine, TheGuestsOwnSingleStepTrapIsTheGuests) {
    vcpu->registers.rflags |= kTf;
    begin();
    stepped_to(kCode + 1);
    EXPECT_TRUE(was_injected(KVM_GUESTDBG_INJECT_DB));
    EXPECT_EQ(vcpu->debug_registers.dr6 & 0xe00f, kBs);
    EXPECT_NE(vcpu->registers.rflags & kTf, 0U);
    EXPECT_EQ(vcpu->pending.exception.pending, 1);
    EXPECT_FALSE(steps());
    expect_done();
}

TEST_P(OneEngine, PopfDecidesWhetherTheGuestsTrapFlagStays) {
    code({0x9d});
    vcpu->registers.rflags |= kTf;
    guest.poke<std::uint64_t>(kStack, 2);
    begin();
    vcpu->registers.rsp = kStack + 8;
    stepped_to(kCode + 1);
    EXPECT_TRUE(was_injected(KVM_GUESTDBG_INJECT_DB));  // the trap of the instruction that began with TF set
    EXPECT_EQ(vcpu->registers.rflags & kTf, 0U);
}

TEST_P(OneEngine, AWatchpointWithoutASlotSeesTheWrite) {
    auto abilities = a_complete_host();
    abilities.data_slots = false;
    use(abilities);
    insert(BreakpointKind::WriteWatch, kData, true, 8);
    code({0x48, 0x89, 0x03});  // mov %rax, (%rbx)
    vcpu->registers.rbx = kData;
    begin();
    guest.poke<std::uint64_t>(kData, 0x11);
    stepped_to(kCode + 3);
    EXPECT_TRUE(reason<gdbstub::StoppedByWatchpoint>());
    if (steps_off()) {
        EXPECT_EQ(byte(kCode), kInt3Byte);
    }
}

TEST_P(OneEngine, AWatchpointWithASlotSeesTheWrite) {
    insert(BreakpointKind::WriteWatch, kData, true, 8);
    begin();
    EXPECT_TRUE(steps());
    EXPECT_EQ(vcpu->now().slots[0], kData);
    debug_at(kCode + 3, kBs | 1);
    EXPECT_TRUE(reason<gdbstub::StoppedByWatchpoint>());
    if (steps_off()) {
        EXPECT_EQ(byte(kCode), kInt3Byte);
    }
}

TEST_P(OneEngine, AnInterruptedStepLeavesNoTrapFlagOnTheStack) {
    begin();
    const std::uint64_t frame = push_interrupt_frame(2 | kTf);
    vcpu->registers.rip = kHandler;
    debugger->on_parked();
    EXPECT_EQ(byte(frame + 17), 0);
    if (steps_off()) {
        EXPECT_EQ(byte(kCode), kInt3Byte);
    }
}

TEST_P(OneEngine, AnInterruptDuringTheStepBringsNoTrapFlagBack) {
    begin();
    const std::uint64_t frame = push_interrupt_frame(2 | kTf);
    stepped_to(kHandler);
    EXPECT_EQ(byte(frame + 17), 0);
    EXPECT_FALSE(was_injected(KVM_GUESTDBG_INJECT_DB));
}

TEST_P(OneEngine, AnInterruptKeepsTheGuestsOwnTrapFlagForItsReturn) {
    vcpu->registers.rflags |= kTf;
    begin();
    const std::uint64_t frame = push_interrupt_frame(2 | kTf);
    stepped_to(kHandler);
    EXPECT_EQ(byte(frame + 17), 1);
    EXPECT_FALSE(was_injected(KVM_GUESTDBG_INJECT_DB));
}

TEST_P(OneEngine, HltHalts) {
    code({0xf4});
    begin();
    EXPECT_EQ(vcpu->run_state, std::uint32_t{KVM_MP_STATE_HALTED});
    EXPECT_EQ(vcpu->registers.rip, kCode + 1);
    expect_done();
}

// ---- What only stepping off can meet

using SteppingOff = VcpuDebuggerTest;

TEST_F(SteppingOff, ASlotsOwnInstructionIsStepped) {
    insert(BreakpointKind::Hardware, kCode, false);
    resume();
    debug_at(kCode, 1);
    EXPECT_TRUE(steps());
    EXPECT_FALSE(vcpu->now().has(KVM_GUESTDBG_USE_HW_BP));
    stepped_to(kCode + 1);
    EXPECT_EQ(vcpu->now().slots[0], kCode);
    EXPECT_FALSE(steps());
    EXPECT_EQ(hits(), 1U);
}

TEST_F(SteppingOff, TheGuestsOwnBreakpointAtTheSamePlaceHitsOnce) {
    vcpu->debug_registers.dr[0] = kCode;
    vcpu->debug_registers.dr7 = 0x402;
    insert(BreakpointKind::Software, kCode, false);
    resume();
    int3_at(kCode);  // the guest's #DB came first, as the processor has it
    EXPECT_NE(vcpu->registers.rflags & kRf, 0U);
    EXPECT_TRUE(steps());
    EXPECT_FALSE(was_injected(KVM_GUESTDBG_INJECT_DB));
}

TEST_F(SteppingOff, AStopAtTheGuestsOwnBreakpointDoesNotHitItAgain) {
    vcpu->debug_registers.dr[0] = kCode;
    vcpu->debug_registers.dr7 = 0x402;
    insert(BreakpointKind::Software, kCode);
    resume();
    int3_at(kCode);
    EXPECT_TRUE(reason<gdbstub::StoppedBySoftwareBreakpoint>());
    EXPECT_NE(vcpu->registers.rflags & kRf, 0U);
}

TEST_F(SteppingOff, TheShadowOfMovSsHoldsASecondBreakpoint) {
    code({0x8e, 0xd0, kNop});  // mov %eax, %ss; then its shadow
    insert(BreakpointKind::Software, kCode, false);
    insert(BreakpointKind::Software, kCode + 2, false);
    resume();
    int3_at(kCode);
    int3_at(kCode + 2);  // the trap of MOV SS is held back: the int3 comes first
    EXPECT_EQ(byte(kCode), kInt3Byte);
    EXPECT_EQ(byte(kCode + 2), kNop);
    EXPECT_TRUE(steps());
    stepped_to(kCode + 2);  // the trap that was held back
    EXPECT_EQ(byte(kCode + 2), kNop);
    EXPECT_TRUE(steps());
    stepped_to(kCode + 3);
    EXPECT_EQ(byte(kCode + 2), kInt3Byte);
    EXPECT_FALSE(steps());
    EXPECT_EQ(hits(0), 1U);
    EXPECT_EQ(hits(1), 1U);
}

TEST_F(SteppingOff, AStopInBetweenPutsTheInt3Back) {
    insert(BreakpointKind::Software, kCode, false);
    resume();
    int3_at(kCode);
    ASSERT_EQ(byte(kCode), kNop);
    debugger->on_parked();
    EXPECT_EQ(byte(kCode), kInt3Byte);
    resume();
    EXPECT_FALSE(steps());
}

TEST_F(SteppingOff, ADeadVcpuLeavesTheInt3InPlace) {
    insert(BreakpointKind::Software, kCode, false);
    resume();
    int3_at(kCode);
    debugger->on_fatal_exit(machine::FatalExit::TripleFault);
    EXPECT_EQ(byte(kCode), kInt3Byte);
}

TEST_F(SteppingOff, AnInt3OfTheGuestsUnderTheDebuggersIsTheGuests) {
    code({kInt3Byte});
    insert(BreakpointKind::Software, kCode, false);
    resume();
    int3_at(kCode);
    EXPECT_FALSE(was_injected(KVM_GUESTDBG_INJECT_BP));
    int3_at(kCode);
    EXPECT_TRUE(was_injected(KVM_GUESTDBG_INJECT_BP));
    EXPECT_EQ(hits(), 1U);
}

TEST_F(SteppingOff, AClientsStepThatMeetsAFalseConditionContinues) {
    insert(BreakpointKind::Software, kCode + 1, false);
    resume(gdbstub::RangeStep{kCode, kCode + 8});
    stepped_to(kCode + 1);
    int3_at(kCode + 1);
    EXPECT_FALSE(stopped_here());
    stepped_to(kCode + 2);
    EXPECT_FALSE(stopped_here());
    EXPECT_TRUE(steps());
    EXPECT_EQ(byte(kCode + 1), kInt3Byte);
    EXPECT_EQ(hits(), 1U);
}

}  // namespace
}  // namespace ringside::debug
