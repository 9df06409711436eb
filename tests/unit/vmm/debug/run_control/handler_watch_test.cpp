// Where the watched handlers are, as a guest loads and rewrites its table.

#include "vmm/debug/run_control/handler_watch.h"

#include "tests/unit/vmm/debug/run_control/vcpu_debugger_fixture.h"

namespace ringside::debug {
namespace {

class Judge final : public HandlerJudge {
  public:
    std::optional<std::string> judge(const JudgedHit&) override { return std::nullopt; }
    std::string moved(VcpuIndex, const HandlerLookup&, const HandlerLookup&) override { return "moved\n"; }
};

class HandlerWatchTest : public VcpuDebuggerTest {
  protected:
    static constexpr std::uint64_t kIdt = 0x50000, kVector = 6;
    void load_table() { vcpu->system_registers.idtr = {kIdt, 0xfff}; }
    void set_gate(std::uint64_t handler) {
        guest.poke<std::uint64_t>(kIdt + kVector * 16, (handler & 0xffff) | std::uint64_t{8} << 16 |
                                                           std::uint64_t{0x8e} << 40 | (handler >> 16) << 48);
    }
    void watch() { context->handlers.set({{kVector, &judge}}, 1); }
    Judge judge;
};

TEST_F(HandlerWatchTest, AHandlerGetsABreakpointWhenTheVcpuIsArmed) {
    load_table();
    set_gate(kCode + 8);
    watch();
    resume();
    EXPECT_EQ(byte(kCode + 8), kInt3Byte);
    EXPECT_FALSE(steps());
}

TEST_F(HandlerWatchTest, WithoutATableTheVcpuIsSteppedUntilItHasOne) {
    set_gate(kCode + 8);
    watch();
    resume();
    EXPECT_TRUE(steps());
    load_table();
    stepped_to(kCode + 1);
    EXPECT_FALSE(steps());
    EXPECT_EQ(byte(kCode + 8), kInt3Byte);
    EXPECT_EQ(events.printed, "moved\n");
}

TEST_F(HandlerWatchTest, AnEmptyGateCostsNoSteps) {
    load_table();
    watch();
    resume();
    EXPECT_FALSE(steps());
}

TEST_F(HandlerWatchTest, AHandlerThatMovesIsFollowedAtAnExit) {
    load_table();
    set_gate(kCode + 8);
    watch();
    resume();
    set_gate(kCode + 16);
    debugger->look_at_handlers();
    EXPECT_EQ(byte(kCode + 8), kNop);
    EXPECT_EQ(byte(kCode + 16), kInt3Byte);
    EXPECT_EQ(events.printed, "moved\n");
    debugger->look_at_handlers();
    EXPECT_EQ(events.printed, "moved\n") << "once";
}

TEST_F(HandlerWatchTest, TheTableOfAnInnerGuestIsNotLookedAt) {
    load_table();
    vcpu->system_registers.inner.running = true;
    set_gate(kCode + 8);
    watch();
    resume();
    EXPECT_EQ(byte(kCode + 8), kNop);
}

// ---- StateWatch

class Seen final : public StateJudge {
  public:
    std::optional<std::string> judge(VcpuIndex, const WatchedStep& step) override {
        if (step.before.cr3 == step.after.cr3 && !step.halts_next)
            return std::nullopt;
        from = step.from;
        halts = step.halts_next;
        return "seen\n";
    }
    std::uint64_t from = 0;
    bool halts = false;
};

TEST_F(HandlerWatchTest, AChangeOfStateIsSeenByStepping) {
    Seen seen;
    context->states.set({&seen}, 1);
    resume();
    EXPECT_TRUE(steps());
    stepped_to(kCode + 1);
    EXPECT_FALSE(stopped_here());
    vcpu->system_registers.cr3 = 0x1000 | 0x8;
    stepped_to(kCode + 4);
    ASSERT_TRUE(stopped_here());
    EXPECT_EQ(seen.from, kCode + 1);
    coordinator->note_parked(VcpuIndex{0});
    resume();
    stepped_to(kCode + 5);
    EXPECT_FALSE(stopped_here());
    code({0xf4}, kCode + 6);
    stepped_to(kCode + 6);
    EXPECT_TRUE(stopped_here() && seen.halts);
}

}  // namespace
}  // namespace ringside::debug
