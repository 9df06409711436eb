// What has caused a debug exit, by what it reports and what was armed.

#include "vmm/debug/run_control/debug_exit_cause.h"

#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

using Kind = DebugExitCause::Kind;

constexpr std::uint64_t kTrap = x86::Dr6::kSingleStep, kAccess = x86::Dr6::kDebugRegisterAccess;

class DebugExitCauseTest : public VcpuDebuggerTest {
  protected:
    // The instruction at kCode, a NOP, is stepped; or the vCPU runs on from it.
    DebugExitCauseTest() {
        at.general = vcpu->registers;
        at.system = guest.state.system;
        step.classify(false, {});
    }
    // Slot 0 is the debugger's, slot 1 is the guest's slot 2.
    static SlotSetup shared_slots() {
        SlotSetup setup;
        setup.add(SlotUse::StepTarget, Gva{kCode});
        setup.add(SlotUse::Guest, Gva{kCode});
        setup.guest_slot[1] = 2;
        return setup;
    }
    DebugExitCause sort(const SlotSetup& armed, std::uint64_t dr6) {
        kvm::DebugExit exit;
        exit.debug = true;
        exit.dr6 = x86::Dr6::from_raw(dr6);
        return sort_debug_exit(exit, armed, own, at, step);
    }

    ExitRegisters at{*vcpu};
    StepEngine step{*vcpu, at, view, context->abilities};
    GuestDebugRegisters own{*vcpu, context->abilities};
};

struct CauseCase {
    const char* what;
    bool single_steps, general_detect;
    std::uint64_t dr6, moved;
    Kind kind;
    bool stepped;
    unsigned slots, guest_slots;
};

constexpr CauseCase kCauses[] = {
    {"a step", true, false, kTrap, 1, Kind::Step, true, 0, 0},
    {"the instruction is still to be executed", true, false, kTrap, 0, Kind::EarlyTrap, true, 0, 0},
    {"an exit without BS while it is stepped", true, false, 0, 1, Kind::Step, false, 0, 0},
    {"the guest's own TF", false, false, kTrap, 1, Kind::GuestTrapFlag, false, 0, 0},
    {"the debugger's slot", false, false, 1, 0, Kind::Slots, false, 1, 0},
    {"the debugger's slot at the end of a step", true, false, kTrap | 1, 1, Kind::Slots, true, 1, 0},
    {"the guest's slot", false, false, 2, 0, Kind::GuestSlots, false, 0, 1 << 2},
    {"the guest's slot at the end of a step", true, false, kTrap | 2, 1, Kind::Step, true, 0, 1 << 2},
    {"both, at one place: the guest's comes again", false, false, 3, 0, Kind::Slots, false, 1, 0},
    {"a MOV to a debug register", false, true, kAccess, 0, Kind::DebugRegisterAccess, false, 0, 0},
    {"the guest's own GD", false, false, kAccess, 0, Kind::GuestTrapFlag, false, 0, 0},
};

TEST_F(DebugExitCauseTest, OfEachReport) {
    for (const auto& c : kCauses) {
        SCOPED_TRACE(c.what);
        SlotSetup armed = shared_slots();
        if (c.single_steps)
            armed.single_step();
        armed.dr7.set_general_detect(c.general_detect);
        at.general.rip = kCode + c.moved;
        const auto cause = sort(armed, c.dr6);
        EXPECT_EQ(cause.kind, c.kind);
        EXPECT_EQ(cause.stepped, c.stepped);
        EXPECT_EQ(cause.slots, c.slots);
        EXPECT_EQ(cause.guest_slots, c.guest_slots);
    }
}

TEST_F(DebugExitCauseTest, AnInt3IsSortedBeforeAllElse) {
    SlotSetup armed = shared_slots();
    armed.single_step();
    kvm::DebugExit exit;
    exit.breakpoint = true;
    const auto cause = sort_debug_exit(exit, armed, own, at, step);
    EXPECT_EQ(cause.kind, Kind::Int3);
    EXPECT_FALSE(cause.stepped);
}

TEST_F(DebugExitCauseTest, TheTrapOfTheLastStepOnceMoreIsAnEcho) {
    at.general.rip = kCode + 1;
    step.finish(true);
    EXPECT_EQ(sort({}, kTrap).kind, Kind::Echo);
    EXPECT_EQ(sort({}, kTrap).kind, Kind::GuestTrapFlag) << "on this host it comes once";
}

}  // namespace
}  // namespace ringside::debug
