#include "vmm/debug/run_control/interrupted_step.h"

#include <gtest/gtest.h>

#include "tests/unit/vmm/debug/guest/test_guest.h"

namespace ringside::debug {
namespace {

using testing::TestGuest;

constexpr std::uint64_t kTf = 0x100, kRip = 0x8000, kStack = 0x20008, kTss = 0x30000, kOtherStack = 0x25000;
constexpr std::uint16_t kKernelCode = 8, kUserCode = 0x33;

class InterruptedStep : public ::testing::Test {
  protected:
    InterruptedStep() {
        guest_.state.general.rip = kRip;
        guest_.state.general.rsp = kStack;
        guest_.state.system.cs.selector = kKernelCode;
        guest_.state.system.tr.base = kTss;
    }
    // What the processor pushes below `top`, which is aligned.
    void push(std::uint64_t top, std::uint64_t rip, std::uint64_t cs, std::uint64_t rsp = kStack) {
        flags_ = top - 24;
        guest_.poke<std::uint64_t>(top - 40, rip);
        guest_.poke<std::uint64_t>(top - 32, cs);
        guest_.poke<std::uint64_t>(flags_, 0x246 | kTf);
        guest_.poke<std::uint64_t>(top - 16, rsp);
    }
    // The handler runs, on the stack that it was given, and has pushed something itself.
    bool hide() {
        const auto origin = StepOrigin::from(guest_.state.general, guest_.state.system);
        auto now = guest_.state;
        now.general.rip = 0x9000;
        now.general.rsp = flags_ - 200;
        now.system.cs.selector = (origin.cs & 3) == 3 ? std::uint16_t{kKernelCode} : origin.cs;
        return find_pushed_trap_flag(guest_.view, origin, now.general, now.system);
    }
    std::uint16_t pushed_flags() const {
        return static_cast<std::uint16_t>(guest_.peek(flags_) | guest_.peek(flags_ + 1) << 8);
    }

    TestGuest guest_;
    std::uint64_t flags_ = 0;
};

TEST_F(InterruptedStep, FindsTheFlagsOnTheSameStack) {
    push(0x20000, kRip, kKernelCode);
    EXPECT_TRUE(hide());
    EXPECT_EQ(pushed_flags(), 0x246);
    EXPECT_FALSE(hide()) << "there is nothing left to hide";
}

TEST_F(InterruptedStep, AnInterruptMayComeBehindTheInstruction) {
    push(0x20000, kRip + 7, kKernelCode);
    EXPECT_TRUE(hide());
    EXPECT_EQ(pushed_flags(), 0x246);
}

TEST_F(InterruptedStep, OthersFlagsStayAsTheyAre) {
    push(0x20000, kRip + 0x100, kKernelCode);
    EXPECT_FALSE(hide()) << "another place";
    push(0x20000, kRip, kKernelCode, kStack - 8);
    EXPECT_FALSE(hide()) << "another stack";
    push(0x20000, kRip, kUserCode);
    EXPECT_FALSE(hide()) << "another privilege level";
    EXPECT_EQ(pushed_flags(), 0x246 | kTf);
}

TEST_F(InterruptedStep, UserCodesFlagsAreOnTheKernelsStack) {
    guest_.state.system.cs.selector = kUserCode;
    guest_.poke<std::uint64_t>(kTss + 4, kOtherStack);
    push(kOtherStack, kRip, kUserCode);
    EXPECT_TRUE(hide());
    EXPECT_EQ(pushed_flags(), 0x246);
}

TEST_F(InterruptedStep, AnInterruptStackTableChangesTheStack) {
    guest_.poke<std::uint64_t>(kTss + 36 + 2 * 8, kOtherStack);  // IST3
    push(kOtherStack, kRip, kKernelCode);
    EXPECT_TRUE(hide());
    EXPECT_EQ(pushed_flags(), 0x246);
}

TEST_F(InterruptedStep, ProtectedModePushesThreeValues) {
    guest_.state.system.cr0 = 0x11;
    guest_.state.system.efer = 0;
    guest_.state.system.cs.l = 0;
    guest_.state.system.cs.db = 1;
    guest_.state.system.ss.db = 1;
    flags_ = kStack - 4;
    guest_.poke<std::uint32_t>(kStack - 12, kRip);
    guest_.poke<std::uint32_t>(kStack - 8, kKernelCode);
    guest_.poke<std::uint32_t>(flags_, 0x202 | kTf);
    EXPECT_TRUE(hide());
    EXPECT_EQ(pushed_flags(), 0x202);
}

TEST_F(InterruptedStep, RealModePushesThreeWords) {
    guest_.state.system.cr0 = 0x10;
    guest_.state.system.efer = 0;
    guest_.state.system.cs = {};
    guest_.state.system.ss = {};
    guest_.state.general.rsp = 0x7c00;
    flags_ = 0x7bfe;
    guest_.poke<std::uint16_t>(0x7bfa, kRip);
    guest_.poke<std::uint16_t>(0x7bfc, 0);
    guest_.poke<std::uint16_t>(flags_, 0x202 | kTf);
    EXPECT_TRUE(hide());
    EXPECT_EQ(pushed_flags(), 0x202);
}

TEST_F(InterruptedStep, AStackThatCannotBeReadIsNoTrouble) {
    guest_.state.general.rsp = TestGuest::kHole + 0x100;
    flags_ = 0x20000;
    EXPECT_FALSE(hide());
}

}  // namespace
}  // namespace ringside::debug
