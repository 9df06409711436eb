// A breakpoint that does not stop is passed without a step where that is exact, and with one where it may not be.

#include "arch/x86_64/control_bits.h"
#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"
#include "vmm/debug/run_control/plain_memory.h"

namespace ringside::debug {
namespace {

constexpr std::uint64_t kUser = 1 << 2, kAccessed = 1 << 5, kDirty = 1 << 6, kNoExecute = 1ULL << 63;
constexpr std::uint64_t kLargePage = 0x83;

class PlainPassTest : public VcpuDebuggerTest {
  protected:
    PlainPassTest() {
        mark_tables(kAccessed | kDirty);
        vcpu->registers.rax = kData;
    }
    // Both upper tables, and the large page that everything is on.
    void mark_tables(std::uint64_t page_bits, std::uint64_t table_bits = kAccessed) {
        guest.poke(TestGuest::kPml4, TestGuest::kPdpt | 3 | kUser | table_bits);
        guest.poke(TestGuest::kPdpt, TestGuest::kDirectory | 3 | kUser | table_bits);
        guest.poke(TestGuest::kDirectory, kLargePage | page_bits);
    }
    // The breakpoint at kCode is hit, and its condition is false.
    void hit() {
        insert(BreakpointKind::Software, kCode, false);
        resume();
        int3_at(kCode);
        ASSERT_FALSE(stopped_here());
    }
    void expect_passed_to(std::uint64_t rip) {
        EXPECT_FALSE(steps());
        EXPECT_EQ(vcpu->registers.rip, rip);
        EXPECT_EQ(byte(kCode), kInt3Byte) << "for the other vCPUs";
        EXPECT_EQ(hits(), 1U);
    }
    void expect_stepped() {
        EXPECT_TRUE(steps());
        EXPECT_EQ(vcpu->registers.rip, kCode);
        EXPECT_EQ(hits(), 1U);
    }
};

TEST_F(PlainPassTest, ARegisterIsChangedWithoutAStep) {
    code({0x48, 0xff, 0xc3});  // inc %rbx
    hit();
    expect_passed_to(kCode + 3);
    EXPECT_EQ(vcpu->registers.rbx, 1U);
    EXPECT_EQ(vcpu->armed.size(), 1U) << "nothing is armed anew";
}

TEST_F(PlainPassTest, ADebugSlotIsPassedInTheSameWay) {
    insert(BreakpointKind::Hardware, kCode, false);
    resume();
    vcpu->registers.rflags |= kRf;
    debug_at(kCode, 1, 0x402);
    EXPECT_FALSE(stopped_here());
    EXPECT_FALSE(steps());
    EXPECT_EQ(vcpu->registers.rip, kCode + 1);
    EXPECT_EQ(vcpu->registers.rflags & kRf, 0U) << "it would let a breakpoint behind it pass";
}

TEST_F(PlainPassTest, MemoryIsChangedWithoutAStep) {
    code({0xfe, 0x00});  // incb (%rax)
    hit();
    expect_passed_to(kCode + 2);
    EXPECT_EQ(byte(kData), 1);
}

TEST_F(PlainPassTest, AnotherBreakpointInMemoryIsNotRead) {
    code({0x8a, 0x18});  // mov (%rax), %bl
    code({kNop}, kData);
    insert(BreakpointKind::Software, kData);
    ASSERT_EQ(byte(kData), kInt3Byte);
    insert(BreakpointKind::Software, kCode, false);
    resume();
    int3_at(kCode);
    EXPECT_TRUE(steps());
}

TEST_F(PlainPassTest, WatchedMemoryIsStepped) {
    code({0xfe, 0x00});
    insert(BreakpointKind::WriteWatch, kData + 64, true, 8);
    insert(BreakpointKind::Software, kCode, false);
    resume();
    int3_at(kCode);
    EXPECT_TRUE(steps());
    EXPECT_EQ(byte(kData), 0);
}

TEST_F(PlainPassTest, MemoryThatTheGuestWatchesIsStepped) {
    code({0xfe, 0x00});
    vcpu->debug_registers.dr7 = 0x402;
    hit();
    expect_stepped();
}

TEST_F(PlainPassTest, ADirtyBitIsSetByTheProcessor) {
    code({0xfe, 0x00});
    mark_tables(kAccessed);
    hit();
    expect_stepped();
}

TEST_F(PlainPassTest, AnAccessedBitIsSetByTheProcessor) {
    mark_tables(kAccessed | kDirty, 0);
    hit();
    expect_stepped();
}

TEST_F(PlainPassTest, AnInterruptShadowEndsWithAStep) {
    vcpu->pending.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
    hit();
    expect_stepped();
}

TEST_F(PlainPassTest, WhatWaitsForDeliveryGoesFirst) {
    vcpu->pending.interrupt.injected = 1;
    hit();
    expect_stepped();
}

TEST_F(PlainPassTest, TheGuestsOwnTrapFollowsAStep) {
    vcpu->registers.rflags |= kTf;
    hit();
    expect_stepped();
}

TEST_F(PlainPassTest, AnInstructionThatIsNotPlainIsStepped) {
    code({0xfb});  // sti
    hit();
    expect_stepped();
}

TEST_F(PlainPassTest, AnInstructionMayNotReachIntoTheNextPage) {
    constexpr std::uint64_t kAcross = kCode + 0xffe;
    code({0x48, 0xff, 0xc3}, kAcross);
    insert(BreakpointKind::Software, kAcross, false);
    resume();
    int3_at(kAcross);
    EXPECT_TRUE(steps());
}

TEST_F(PlainPassTest, AClientsStepIsAStep) {
    insert(BreakpointKind::Software, kCode, false);
    resume(gdbstub::Step{});
    int3_at(kCode);
    EXPECT_TRUE(steps());
}

TEST_F(PlainPassTest, ATrueConditionStopsInFrontOfIt) {
    insert(BreakpointKind::Software, kCode);
    resume();
    int3_at(kCode);
    EXPECT_TRUE(stopped_here());
    EXPECT_EQ(vcpu->registers.rip, kCode);
}

// ---- Whose page may be used for what

struct Access {
    const char* name;
    std::uint64_t page = kAccessed | kDirty;
    bool user_mode = false;
    std::uint64_t cr4 = 0;
    x86::PageUse use = x86::PageUse::Read;
    bool quiet = true;
};

class QuietTranslation : public PlainPassTest, public ::testing::WithParamInterface<Access> {};

TEST_P(QuietTranslation, FollowsTheProcessorsRules) {
    const Access& access = GetParam();
    mark_tables(access.page);
    auto system = guest.state.system;
    system.cr4 |= access.cr4;
    system.efer |= x86::efer::kNxe;
    system.ss.dpl = access.user_mode ? 3 : 0;
    const auto gpa = quiet_translation(view, guest.state.general, system, Gva{kData}, access.use);
    EXPECT_EQ(gpa.has_value(), access.quiet);
}

constexpr std::uint64_t kQuiet = kAccessed | kDirty;
constexpr std::uint64_t kKeys = 1 << 22, kSupervisorKeys = 1 << 24;

INSTANTIATE_TEST_SUITE_P(
    Accesses, QuietTranslation,
    ::testing::Values(
        Access{.name = "Kernel"}, Access{.name = "KernelWrite", .use = x86::PageUse::Write},
        Access{.name = "KernelFetch", .use = x86::PageUse::Fetch},
        Access{.name = "NotAccessedYet", .page = kDirty, .quiet = false},
        Access{.name = "CleanRead", .page = kAccessed},
        Access{.name = "CleanWrite", .page = kAccessed, .use = x86::PageUse::Write, .quiet = false},
        Access{
            .name = "NotExecutable", .page = kQuiet | kNoExecute, .use = x86::PageUse::Fetch, .quiet = false},
        Access{.name = "DataNotExecutable", .page = kQuiet | kNoExecute},
        Access{.name = "UserOnKernelPage", .user_mode = true, .quiet = false},
        Access{.name = "User", .page = kQuiet | kUser, .user_mode = true},
        Access{.name = "UserWithSmapAndSmep",
               .page = kQuiet | kUser,
               .user_mode = true,
               .cr4 = x86::cr4::kSmap | x86::cr4::kSmep,
               .use = x86::PageUse::Fetch},
        Access{.name = "KernelOnUserPage", .page = kQuiet | kUser},
        Access{.name = "Smap", .page = kQuiet | kUser, .cr4 = x86::cr4::kSmap, .quiet = false},
        Access{.name = "Smep",
               .page = kQuiet | kUser,
               .cr4 = x86::cr4::kSmep,
               .use = x86::PageUse::Fetch,
               .quiet = false},
        Access{.name = "Keys", .page = kQuiet | kUser, .user_mode = true, .cr4 = kKeys, .quiet = false},
        Access{.name = "KeysOfUsersOnly", .cr4 = kKeys},
        Access{.name = "SupervisorKeys", .cr4 = kSupervisorKeys, .quiet = false}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace ringside::debug
