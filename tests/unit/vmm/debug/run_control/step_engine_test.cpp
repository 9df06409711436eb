// How each kind of instruction is stepped: what is armed for it.

#include "vmm/debug/run_control/step_engine.h"

#include <gtest/gtest.h>

#include <vector>

#include "arch/x86_64/msrs.h"
#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

constexpr std::uint64_t kSyscallEntry = 0x21000, kReturn = 0x22000;

enum class Way { SingleStep, Slot };

struct Step {
    const char* name;
    std::vector<std::uint8_t> code;
    bool slots = true;  // the host has execution slots
    // What is right.
    Way way = Way::SingleStep;
    std::uint64_t target = 0;
};

class StepWayTest : public VcpuDebuggerTest, public ::testing::WithParamInterface<Step> {};

TEST_P(StepWayTest, IsChosenByTheInstruction) {
    const Step& step = GetParam();
    for (std::size_t i = 0; i < step.code.size(); ++i)
        guest.poke(kCode + i, step.code[i]);
    guest.poke<std::uint64_t>(kStack, kReturn);
    vcpu->msrs[x86::msr::kLstar] = kSyscallEntry;
    ExitRegisters at(*vcpu);
    ASSERT_TRUE(at.fetch());
    HostAbilities abilities = a_complete_host();
    abilities.execute_slots = step.slots;
    StepOff step_off(VcpuIndex{0}, table, *coordinator);
    UserCode user(at, view, abilities, step_off);
    StepEngine engine(*vcpu, at, view, abilities);
    engine.classify(false, {});
    SlotSetup setup;
    ASSERT_TRUE(engine.arm(setup, user, false));
    EXPECT_EQ(setup.single_steps(), step.way == Way::SingleStep);
    EXPECT_EQ(setup.use[0], step.way == Way::Slot ? SlotUse::StepTarget : SlotUse::None);
    EXPECT_EQ(setup.address[0], step.target);
}

INSTANTIATE_TEST_SUITE_P(
    Instructions, StepWayTest,
    ::testing::Values(Step{.name = "Nop", .code = {0x90}},
                      Step{.name = "SyscallHasASlotAtItsEntry",
                           .code = {0x0f, 0x05},
                           .way = Way::Slot,
                           .target = kSyscallEntry},
                      Step{.name = "SyscallOnAHostWithoutSlots", .code = {0x0f, 0x05}, .slots = false},
                      Step{.name = "AnInterruptWithoutAGate", .code = {0xcd, 0x80}}),
    [](const auto& row) { return row.param.name; });

class StepHaltTest : public VcpuDebuggerTest {
  protected:
    StepHaltTest() : at(*vcpu), abilities(a_complete_host()), engine(*vcpu, at, view, abilities) {
        guest.poke<std::uint8_t>(kCode, 0xf4);
        EXPECT_TRUE(at.fetch());
        engine.classify(false, {});
    }
    ExitRegisters at;
    HostAbilities abilities;
    StepEngine engine;
};

TEST_F(StepHaltTest, AHaltIsDoneByHaltingTheVcpuBehindIt) {
    ASSERT_TRUE(engine.must_halt());
    ASSERT_TRUE(engine.step_over_halt());
    EXPECT_EQ(vcpu->run_state, static_cast<std::uint32_t>(KVM_MP_STATE_HALTED));
    EXPECT_EQ(vcpu->registers.rip, kCode + 1);
}

TEST_F(StepHaltTest, AVcpuThatIsHaltedBeforeItExecutesNothing) {
    vcpu->run_state = KVM_MP_STATE_HALTED;
    EXPECT_TRUE(engine.at_halt());
    EXPECT_FALSE(engine.must_halt());
}

// Halted in L2, it would never leave to L1.
TEST_F(StepHaltTest, TheGuestsGuestDoesNotHaltTheVcpu) {
    at.system.inner.running = true;
    EXPECT_FALSE(engine.at_halt());
    EXPECT_FALSE(engine.must_halt());
}

TEST_F(StepHaltTest, UserCodeCannotHalt) {
    at.system.ss.dpl = at.system.cs.dpl = 3;
    at.system.cs.selector |= 3;
    EXPECT_FALSE(engine.must_halt());
}

}  // namespace
}  // namespace ringside::debug
