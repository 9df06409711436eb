// Where the guest's handlers are, in every mode, and what has led to one.

#include "vmm/debug/guest/handlers.h"

#include <gtest/gtest.h>

#include "tests/unit/vmm/debug/guest/test_guest.h"

namespace ringside::debug {
namespace {

using testing::TestGuest;

constexpr std::uint64_t kIdt = 0x10000, kGdt = 0x11000, kStack = 0x12000, kHandler = 0x20000;
constexpr unsigned kInterrupt16 = 6, kInterrupt = 0xe, kTask = 5, kCall = 0xc;

std::uint64_t gate(unsigned type, std::uint64_t present = 0x80) {
    return (kHandler & 0xffff) | std::uint64_t{8} << 16 | (present | type) << 40 | (kHandler >> 16) << 48;
}

class HandlersTest : public ::testing::Test {
  protected:
    HandlersTest() {
        guest_.state.system.idtr = {kIdt, 0xfff};
        guest_.state.system.gdtr = {kGdt, 0x1f};
        guest_.poke<std::uint64_t>(kGdt + 8, 0x00cf9b000000ffff);
        guest_.state.general.rip = kHandler;
        guest_.state.general.rsp = kStack;
    }
    void protected_mode() {
        auto& system = guest_.state.system;
        system.cr0 = 0x11;
        system.efer = 0;
        system.cs.l = 0;
        system.cs.db = system.ss.db = 1;
    }
    void real_mode() {
        auto& system = guest_.state.system;
        system.cr0 = 0x10;
        system.efer = 0;
        system.idtr = {0, 0x3ff};
        system.cs.l = 0;
        system.cs.base = 0x1f000;
        system.ss.base = kStack & ~0xffffULL;
        system.ss.db = 0;
        guest_.state.general.rsp = kStack & 0xffff;
    }
    auto find(std::uint8_t vector) { return find_handler(guest_.view, guest_.state.system, vector); }
    auto frame(std::uint8_t vector) {
        return entry_frame(guest_.view, guest_.state.general, guest_.state.system, vector);
    }
    void push(std::initializer_list<std::uint64_t> words, std::uint64_t at = kStack) {
        for (const std::uint64_t word : words) {
            guest_.poke(at, word);
            at += 8;
        }
        guest_.state.general.rsp = at - 8 * words.size();
    }
    TestGuest guest_;
};

TEST_F(HandlersTest, InLongMode) {
    guest_.poke(kIdt + 14 * 16, gate(kInterrupt));
    EXPECT_EQ(find(14), HandlerLookup(Handler{Gva{kHandler}, x86::FrameWidth::Bits64}));
    EXPECT_EQ(find(15), HandlerLookup(NoHandler::Empty));
    guest_.poke(kIdt + 14 * 16, gate(kTask));
    EXPECT_EQ(find(14), HandlerLookup(NoHandler::TaskGate));
    guest_.poke(kIdt + 14 * 16, gate(kCall));
    EXPECT_EQ(find(14), HandlerLookup(NoHandler::NotAGate));
    guest_.state.system.idtr.limit = 14 * 16 + 14;
    EXPECT_EQ(find(14), HandlerLookup(NoHandler::NoTable));
    guest_.state.system.idtr = {TestGuest::kHole, 0xfff};
    EXPECT_EQ(find(14), HandlerLookup(NoHandler::Unreadable));
}

TEST_F(HandlersTest, InProtectedMode) {
    protected_mode();
    guest_.poke(kIdt + 6 * 8, gate(kInterrupt));
    guest_.poke(kIdt + 7 * 8, gate(kInterrupt16));
    EXPECT_EQ(find(6), HandlerLookup(Handler{Gva{kHandler}, x86::FrameWidth::Bits32}));
    EXPECT_EQ(find(7), HandlerLookup(Handler{Gva{kHandler & 0xffff}, x86::FrameWidth::Bits16}));
    EXPECT_EQ(find(8), HandlerLookup(NoHandler::Empty));
    guest_.state.system.gdtr.limit = 7;
    EXPECT_EQ(find(6), HandlerLookup(NoHandler::Unreadable));
}

TEST_F(HandlersTest, InRealMode) {
    real_mode();
    EXPECT_EQ(find(0x60), HandlerLookup(NoHandler::NoVector));
    guest_.poke<std::uint32_t>(0x60 * 4, 0x1f001000);
    EXPECT_EQ(find(0x60), HandlerLookup(Handler{Gva{kHandler}, x86::FrameWidth::Bits16}));
    guest_.state.general.rip = 0x1000;
    guest_.poke<std::uint64_t>(kStack, 0x0000'0202'0040'1234);  // flags, CS and IP
    const auto found = frame(0x60);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->rip, 0x1234U);
    EXPECT_EQ(found->cs, 0x40);
    guest_.poke<std::uint32_t>(13 * 4, 0x1f001000);
    ASSERT_TRUE(frame(13));
    EXPECT_FALSE(frame(13)->error_code) << "real mode pushes none";
}

TEST_F(HandlersTest, AnEntryInLongModeHasItsFrame) {
    guest_.poke(kIdt + 14 * 16, gate(kInterrupt));
    push({2, 0x401000, 0x33, 0x202, 0x7000, 0x2b});
    ASSERT_TRUE(frame(14));
    EXPECT_EQ(frame(14)->error_code, 2U);
    EXPECT_EQ(frame(14)->rip, 0x401000U);
}

TEST_F(HandlersTest, WhatIsNoSuchExceptionHasNone) {
    guest_.poke(kIdt + 14 * 16, gate(kInterrupt));
    guest_.poke(kIdt + 6 * 16, gate(kInterrupt));
    push({2, 0x401000, 0x33, 0x202, 0x7000, 0x2b});
    EXPECT_FALSE(frame(6)) << "a handler that #PF shares: #UD pushes no error code";
    push({0x401000, 0x33, 0x202, 0x7000, 0x2b}, kStack + 8);
    EXPECT_FALSE(frame(14)) << "INT 14 pushes no error code";
    EXPECT_TRUE(frame(6));
    push({0x401000, 0x33, 0x0, 0x7000, 0x2b}, kStack + 8);
    EXPECT_FALSE(frame(6)) << "a jump to the handler";
    guest_.state.general.rip = kHandler + 1;
    EXPECT_FALSE(frame(6)) << "elsewhere";
}

}  // namespace
}  // namespace ringside::debug
