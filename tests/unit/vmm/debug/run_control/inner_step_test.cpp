// Steps of the guest's guest (L2) whose instruction leaves to its hypervisor (L1).

#include "vmm/debug/run_control/inner_step.h"

#include "arch/x86_64/vmcs12.h"
#include "tests/unit/vmm/debug/nested/hypervisor_vcpu.h"
#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"
#include "vmm/debug/host/inner_exits.h"

namespace ringside::debug {
namespace {

class InnerStep : public VcpuDebuggerTest {
  protected:
    static constexpr std::uint64_t kHandler = kCode + 0x800;

    // L2 has L1's memory and page tables.
    void run_l2(bool running) {
        auto& inner = vcpu->system_registers.inner;
        inner.known = inner.running = running;
        inner.tables = x86::InnerGuest::Tables::None;
        guest.state.system.inner = inner;
    }
    void step_l2() {
        run_l2(true);
        code({0x0f, 0xa2});  // CPUID
        resume(gdbstub::Step{});
    }
    // KVM has left L2, and the event has come.
    void leave_l2() {
        run_l2(false);
        vcpu->registers.rip = kHandler;
        exit_trap->caught = true;
        debugger->on_interrupted();
    }
};

TEST_F(InnerStep, EndsWhereL1GoesOn) {
    step_l2();
    EXPECT_TRUE(steps());
    EXPECT_TRUE(inner_exits_watched());
    leave_l2();
    EXPECT_TRUE(stopped_here());
    EXPECT_EQ(vcpu->registers.rip, kHandler);
}

TEST_F(InnerStep, AnExitThatKvmHandlesItselfEndsNothing) {
    step_l2();
    exit_trap->caught = true;
    debugger->on_interrupted();
    EXPECT_FALSE(stopped_here());
    EXPECT_TRUE(steps());
}

TEST_F(InnerStep, L1DoesNotGetTheDebugExceptionOfTheStep) {
    step_l2();
    vcpu->pending.exception.pending = 1;
    vcpu->pending.exception.nr = kDebugVector;
    leave_l2();
    EXPECT_EQ(vcpu->pending.exception.pending, 0);
}

TEST_F(InnerStep, AnotherExceptionIsL1s) {
    step_l2();
    vcpu->pending.exception.pending = 1;
    vcpu->pending.exception.nr = 14;
    leave_l2();
    EXPECT_EQ(vcpu->pending.exception.pending, 1);
}

TEST_F(InnerStep, L1IsSteppedWithoutTheEvent) {
    resume(gdbstub::Step{});
    EXPECT_TRUE(steps());
    EXPECT_FALSE(inner_exits_watched());
}

TEST_F(InnerStep, ABreakpointOfL2sIsBackInPlace) {
    run_l2(true);
    insert(BreakpointKind::Software, kCode, false);
    resume();
    EXPECT_FALSE(inner_exits_watched());
    int3_at(kCode);
    EXPECT_EQ(byte(kCode), kNop);
    EXPECT_TRUE(inner_exits_watched());
    leave_l2();
    EXPECT_EQ(byte(kCode), kInt3Byte);
    EXPECT_FALSE(steps());
    EXPECT_FALSE(stopped_here());
    EXPECT_FALSE(inner_exits_watched());
}

// ---- On VMX L2's RFLAGS are in the VMCS

std::uint64_t flags_after(std::uint64_t flags, bool own_trap_flag) {
    ScriptedVcpu vcpu;
    run_hypervisor(vcpu);
    x86::write_vmcs12(vcpu.nested.image, x86::VmcsField::GuestRflags, flags);
    EXPECT_TRUE(forget_inner_step(vcpu, own_trap_flag));
    return x86::read_vmcs12(vcpu.nested.image)->fields.get(x86::VmcsField::GuestRflags).value_or(0);
}

TEST(InnerStepOnVmx, TheStepsTrapFlagGoesOutOfTheVmcs) {
    EXPECT_EQ(flags_after(0x102, false), 0x2U);
    EXPECT_EQ(flags_after(0x246, false), 0x246U);
}

TEST(InnerStepOnVmx, NoStepIsPendingInTheVmcs) {
    ScriptedVcpu vcpu;
    run_hypervisor(vcpu);
    x86::write_vmcs12(vcpu.nested.image, x86::VmcsField::GuestPendingDebugExceptions, 0x4001);
    ASSERT_TRUE(forget_inner_step(vcpu, false));
    EXPECT_EQ(x86::read_vmcs12(vcpu.nested.image)->fields.get(x86::VmcsField::GuestPendingDebugExceptions),
              1U);
}

TEST(InnerStepOnVmx, L2sOwnStays) {
    EXPECT_EQ(flags_after(0x102, true), 0x102U);
}

}  // namespace
}  // namespace ringside::debug
