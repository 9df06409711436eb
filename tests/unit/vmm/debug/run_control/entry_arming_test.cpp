// What an entry is armed with, by what it needs.

#include "vmm/debug/run_control/entry_arming.h"

#include <functional>

#include "tests/unit/vmm/debug/run_control/entry_fixture.h"

namespace ringside::debug {
namespace {

class EntryArmingTest : public EntryTest {
  public:
    void arm() {
        ASSERT_TRUE(arming.prepare());
        ASSERT_TRUE(arming.program(needs.must_step()));
    }
};

constexpr std::uint32_t kSlots = KVM_GUESTDBG_USE_HW_BP, kInt3s = KVM_GUESTDBG_USE_SW_BP,
                        kBlocks = KVM_GUESTDBG_BLOCKIRQ, kSteps = KVM_GUESTDBG_SINGLESTEP,
                        kEnabled = KVM_GUESTDBG_ENABLE;

struct ArmingCase {
    const char* why;
    std::function<void(EntryArmingTest&)> set_up;
    std::uint32_t control;
};

const ArmingCase kCases[] = {
    {"a client's step", [](auto& t) { t.needs.action().set(gdbstub::Step{}); }, kSteps | kBlocks},
    {"stepping off", [](auto& t) { t.step_off.begin(); }, kSteps | kBlocks},
    {"the search for xchg %bx,%bx lets interrupts in",
     [](auto& t) { t.context->guest_stops.exchange = true; }, kSteps},
    {"the guest's own int3", [](auto& t) { t.context->guest_stops.int3 = true; }, kInt3s},
};

TEST_F(EntryArmingTest, ByWhatTheEntryNeeds) {
    for (const auto& c : kCases) {
        SCOPED_TRACE(c.why);
        needs.action().set(gdbstub::Continue{});
        step_off.end();
        context->guest_stops = {};
        c.set_up(*this);
        arm();
        EXPECT_EQ(vcpu->now().control, kEnabled | c.control);
        EXPECT_EQ(arming.single_steps(), (c.control & kSteps) != 0);
    }
}

TEST_F(EntryArmingTest, NothingIsProgrammedTwiceUnlessItIsAStep) {
    insert(BreakpointKind::Hardware, kCode + 8);
    arm();
    const auto calls = vcpu->armed.size();
    EXPECT_TRUE(vcpu->now().has(kSlots));
    arm();
    EXPECT_EQ(vcpu->armed.size(), calls);
    needs.action().set(gdbstub::Step{});
    arm();
    arm();
    EXPECT_EQ(vcpu->armed.size(), calls + 2) << "KVM keeps TF only where it was set";
}

TEST_F(EntryArmingTest, TheSlotThatIsSteppedOffIsNotArmed) {
    insert(BreakpointKind::Hardware, kCode);
    insert(BreakpointKind::Hardware, kCode + 8);
    step_off.begin();
    arm();
    EXPECT_EQ(vcpu->now().slots[0], 0U);
    EXPECT_EQ(vcpu->now().slots[1], kCode + 8);
}

TEST_F(EntryArmingTest, OrdinaryInstructionsAreSteppedWithoutArmingAnew) {
    needs.action().set(gdbstub::RangeStep{kCode, kCode + 8});
    arm();
    at.general.rip = kCode + 1;
    (void)step.finish(true);
    EXPECT_TRUE(arming.stays_armed());
    code({0x9c}, kCode + 2);  // PUSHF
    at.general.rip = kCode + 2;
    (void)step.finish(true);
    EXPECT_FALSE(arming.stays_armed());
}

TEST_F(EntryArmingTest, AHltIsSteppedByHaltingUnlessTheGuestsTrapComesFirst) {
    code({0xf4});
    needs.action().set(gdbstub::Step{});
    ASSERT_TRUE(arming.prepare());
    EXPECT_TRUE(arming.at_halt_to_step());
    ASSERT_TRUE(arming.traps().give_debug_exception(x86::Dr6::kSingleStep, false));
    EXPECT_FALSE(arming.at_halt_to_step());
}

}  // namespace
}  // namespace ringside::debug
