// What a vCPU does at a breakpoint that does not stop it, and what is left to do before its next entry.

#include "vmm/debug/run_control/breakpoint_pass.h"

#include "arch/x86_64/paging_rules.h"
#include "tests/unit/vmm/debug/run_control/entry_fixture.h"

namespace ringside::debug {
namespace {

using Next = BreakpointPass::Next;

constexpr std::uint64_t kTableBits = x86::paging::kPresent | x86::paging::kWritable | 1 << 5;  // accessed

class BreakpointPassTest : public EntryTest {
  protected:
    BreakpointPassTest() : pass(*vcpu, *context, at, needs, arming, step, step_off, stops.traced()) {
        // An access in software must not have to set the tables' accessed bits.
        guest.poke(TestGuest::kPml4, TestGuest::kPdpt | kTableBits);
        guest.poke(TestGuest::kPdpt, TestGuest::kDirectory | kTableBits);
        guest.poke(TestGuest::kDirectory, x86::paging::kPageSize | kTableBits);
        const VcpuIndex all[] = {VcpuIndex{0}};
        coordinator->note_parked(VcpuIndex{0});
        coordinator->resume(all);
    }
    Breakpoint& planted() {
        insert(BreakpointKind::Software, kCode, false);
        return *table.planted_at(Gpa{kCode});
    }
    Breakpoint& watchpoint() {
        insert(BreakpointKind::WriteWatch, kData, false);
        return *table.plan().owner[0];
    }

    BreakpointPass pass;
};

TEST_F(BreakpointPassTest, APlainInstructionIsExecutedInSoftware) {
    auto& breakpoint = planted();
    EXPECT_EQ(pass.after_hit(breakpoint, false), Next::Passed);
    EXPECT_EQ(at.general.rip, kCode + 1);
    EXPECT_FALSE(step_off.active());
    EXPECT_EQ(byte(kCode), kInt3Byte);
}

TEST_F(BreakpointPassTest, WhoeverStepsGetsAStep) {
    auto& breakpoint = planted();
    needs.action().set(gdbstub::Step{});
    EXPECT_EQ(pass.after_hit(breakpoint, false), Next::Arm);
    EXPECT_EQ(at.general.rip, kCode);
    EXPECT_TRUE(step_off.active());
    EXPECT_EQ(byte(kCode), kNop) << "out of memory for the step";
}

TEST_F(BreakpointPassTest, AWatchpointHasItsInstructionBehindIt) {
    auto& breakpoint = watchpoint();
    EXPECT_EQ(pass.after_hit(breakpoint, false), Next::Arm);
    EXPECT_EQ(pass.after_hit(breakpoint, true), Next::AfterStep);
    EXPECT_FALSE(step_off.active());
}

TEST_F(BreakpointPassTest, AHltIsSteppedByHalting) {
    code({0xf4});
    auto& breakpoint = planted();
    EXPECT_EQ(pass.step_off(breakpoint, false), Next::Arm);
    EXPECT_EQ(vcpu->registers.rip, kCode + 1);
    EXPECT_EQ(vcpu->run_state, std::uint32_t{KVM_MP_STATE_HALTED});
    EXPECT_FALSE(step_off.active());
}

TEST_F(BreakpointPassTest, WhileAStopIsUnderWayItIsHitAgain) {
    auto& breakpoint = planted();
    coordinator->interrupt(gdbstub::StoppedByInterrupt{});
    EXPECT_EQ(pass.step_off(breakpoint, false), Next::Nothing);
    EXPECT_FALSE(step_off.active());
    EXPECT_EQ(byte(kCode), kInt3Byte);
}

TEST_F(BreakpointPassTest, ASlotIsPassedWithoutParkingOthers) {
    EXPECT_EQ(pass.pass_over_slot(), Next::Arm);
    EXPECT_TRUE(step_off.active());
}

}  // namespace
}  // namespace ringside::debug
