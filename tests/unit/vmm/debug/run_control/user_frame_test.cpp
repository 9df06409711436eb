#include "vmm/debug/run_control/user_frame.h"

#include <gtest/gtest.h>

#include "tests/unit/vmm/debug/guest/test_guest.h"

namespace ringside::debug {
namespace {

using testing::TestGuest;

constexpr std::uint64_t kGdt = 0x11000, kStack = 0x12000;
constexpr std::uint64_t kUserCode = 0x2b, kUserData = 0x23;

class UserFrameTest : public ::testing::Test {
  protected:
    UserFrameTest() {
        guest_.state.system.gdtr = {kGdt, 0x2f};
        guest_.poke<std::uint64_t>(kGdt + 0x20, 0x00cff3000000ffff);
        guest_.poke<std::uint64_t>(kGdt + 0x28, 0x00affb000000ffff);
        guest_.state.general.rsp = kStack;
    }
    void push(std::uint64_t at, std::uint64_t cs) {
        const std::uint64_t words[] = {0x401000, cs, 0x302, 0x7ffe0000, kUserData};
        for (std::size_t i = 0; i < 5; ++i)
            guest_.poke(at + 8 * i, words[i]);
    }
    auto frame(bool has_error_code) {
        return user_frame(guest_.view, guest_.state.general, guest_.state.system, has_error_code);
    }
    TestGuest guest_;
};

TEST_F(UserFrameTest, ReadsAFrameFromUserCode) {
    push(kStack, kUserCode);
    ASSERT_TRUE(frame(false));
    EXPECT_EQ(frame(false)->rip, 0x401000U);
    EXPECT_EQ(frame(false)->rflags, 0x302U);
    EXPECT_EQ(frame(false)->rsp, 0x7ffe0000U);
}

TEST_F(UserFrameTest, ReadsTheErrorCodeInFront) {
    guest_.poke<std::uint64_t>(kStack, 0x1a);
    push(kStack + 8, kUserCode);
    ASSERT_TRUE(frame(true));
    EXPECT_EQ(frame(true)->error_code, 0x1aU);
    EXPECT_EQ(frame(true)->rip, 0x401000U);
}

TEST_F(UserFrameTest, AFrameFromTheKernelIsNone) {
    push(kStack, 0x08);
    EXPECT_FALSE(frame(false));
}

TEST_F(UserFrameTest, UndoingTheDeliveryRestoresTheUsersRegisters) {
    push(kStack, kUserCode);
    guest_.state.general.rax = 77;
    auto general = guest_.state.general;
    auto system = guest_.state.system;
    ASSERT_TRUE(undo_delivery(guest_.view, *frame(false), general, system));
    EXPECT_EQ(general.rip, 0x401000U);
    EXPECT_EQ(general.rsp, 0x7ffe0000U);
    EXPECT_EQ(general.rflags, 0x302U);
    EXPECT_EQ(general.rax, 77U);
    EXPECT_EQ(system.cs.selector, kUserCode);
    EXPECT_EQ(system.cs.dpl, 3);
    EXPECT_EQ(system.ss.selector, kUserData);
}

TEST_F(UserFrameTest, SelectorsThatMeanNothingChangeNothing) {
    push(kStack, 0x1003);
    auto general = guest_.state.general;
    auto system = guest_.state.system;
    EXPECT_FALSE(undo_delivery(guest_.view, *frame(false), general, system));
    EXPECT_EQ(general, guest_.state.general);
    EXPECT_EQ(system, guest_.state.system);
}

}  // namespace
}  // namespace ringside::debug
