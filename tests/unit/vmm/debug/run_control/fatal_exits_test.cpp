// Exits after which KVM does not enter the vCPU again.

#include "vmm/debug/run_control/fatal_exits.h"

#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

class FatalExitsTest : public VcpuDebuggerTest {
  protected:
    FatalExitsTest() {
        at.general = vcpu->registers;
        at.system = guest.state.system;
    }

    ExitRegisters at{*vcpu};
    RecordedRun recording{VcpuIndex{0}, *context, at};
    StopReport report{VcpuIndex{0}, *coordinator, at};
    FatalExits fatal{machine->vcpu(VcpuIndex{0}), *context, at, recording, report};
};

TEST_F(FatalExitsTest, AnInt3IsFoundInMemory) {
    EXPECT_FALSE(fatal.at_int3());
    code({kInt3Byte});
    EXPECT_TRUE(fatal.at_int3());
}

TEST_F(FatalExitsTest, WhatKvmCannotEmulateIsExecutedAndAnnouncedOnce) {
    code({0xf3, 0x48, 0x0f, 0xb8, 0xc1});  // POPCNT RAX, RCX
    ASSERT_EQ(fatal.complete(), true);
    EXPECT_EQ(vcpu->registers.rip, kCode + 5);
    EXPECT_EQ(at.general.rip, kCode + 5);
    code({0xf3, 0x48, 0x0f, 0xb8, 0xc1}, kCode + 5);
    ASSERT_EQ(fatal.complete(), true);
    EXPECT_EQ(events.completed, 1);
}

TEST_F(FatalExitsTest, WhatMustNotBeExecutedLeavesTheRegisters) {
    code({0x0f, 0x0b});  // UD2
    EXPECT_EQ(fatal.complete(), false);
    EXPECT_EQ(vcpu->registers.rip, kCode);
    EXPECT_EQ(events.completed, 0);
}

struct DeathCase {
    machine::FatalExit cause;
    gdbstub::Signal signal;
};

TEST_F(FatalExitsTest, DeathIsReportedWithTheSignalOfItsCause) {
    constexpr DeathCase kCases[] = {
        {machine::FatalExit::EmulationFailure, gdbstub::Signal::Ill},
        {machine::FatalExit::TripleFault, gdbstub::Signal::Segv},
    };
    for (const auto& c : kCases) {
        StopCoordinator fresh{*machine, [](std::optional<VcpuIndex>) {}};
        const VcpuIndex all[] = {VcpuIndex{0}};
        fresh.resume(all);
        StopReport first{VcpuIndex{0}, fresh, at};
        FatalExits exits{machine->vcpu(VcpuIndex{0}), *context, at, recording, first};
        EXPECT_EQ(first.dead(), nullptr);
        ASSERT_TRUE(exits.die(c.cause));
        ASSERT_NE(first.dead(), nullptr);
        const auto reason = fresh.last_stop().reason;
        ASSERT_TRUE(std::holds_alternative<gdbstub::StoppedBySignal>(reason));
        EXPECT_EQ(std::get<gdbstub::StoppedBySignal>(reason).signal, c.signal);
    }
    EXPECT_EQ(events.dead, 2);
}

}  // namespace
}  // namespace ringside::debug
