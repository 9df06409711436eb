// Which vCPUs step: by what makes them, and what each cause needs of the entry.

#include "vmm/debug/run_control/entry_needs.h"

#include <functional>

#include "tests/unit/vmm/debug/run_control/entry_fixture.h"

namespace ringside::debug {
namespace {

class NoJudge final : public StateJudge {
  public:
    std::optional<std::string> judge(VcpuIndex, const WatchedStep&) override { return std::nullopt; }
};

class EntryNeedsTest : public EntryTest {
  public:
    NoJudge judge;
};

struct NeedsCase {
    const char* who;
    std::function<void(EntryNeedsTest&)> set_up;
    bool stepping = false, must_step = false, blocks_interrupts = false;
    kvm::SyncedState at_exit = kvm::SyncedState::General;
};

const NeedsCase kCases[] = {
    {"nobody", [](auto&) {}},
    {"a client's step", [](auto& t) { t.needs.action().set(gdbstub::Step{}); }, true, true, true,
     kvm::SyncedState::System},
    {"a client's range",
     [](auto& t) {
         t.needs.action().set(gdbstub::RangeStep{1, 2});
     },
     true, true, true, kvm::SyncedState::System},
    {"a client that lets interrupts in",
     [](auto& t) {
         t.needs.action().set(gdbstub::Step{});
         t.context->block_interrupts = false;
     },
     true, true, false, kvm::SyncedState::System},
    {"a client on a host that cannot block them",
     [](auto& t) {
         t.needs.action().set(gdbstub::Step{});
         t.context->abilities.step_blocks_interrupts = false;
     },
     true, true, false, kvm::SyncedState::System},
    {"the search for xchg %bx,%bx", [](auto& t) { t.context->guest_stops.exchange = true; }, true, true,
     false, kvm::SyncedState::System},
    {"the guest's int3 alone", [](auto& t) { t.context->guest_stops.int3 = true; }},
    {"a watch of states", [](auto& t) { t.context->states.set({&t.judge}, 1); }, true, true, false,
     kvm::SyncedState::System},
    {"stepping off", [](auto& t) { t.step_off.begin(); }, false, true, true, kvm::SyncedState::System},
};

TEST_F(EntryNeedsTest, OfEachThatMayWantSteps) {
    for (const auto& c : kCases) {
        SCOPED_TRACE(c.who);
        context->guest_stops = {};
        context->states.set({}, 1);
        context->block_interrupts = true;
        context->abilities = a_complete_host();
        needs.action().set(gdbstub::Continue{});
        step_off.end();
        c.set_up(*this);
        EXPECT_EQ(needs.stepping(), c.stepping);
        EXPECT_EQ(needs.must_step(), c.must_step);
        EXPECT_EQ(needs.blocks_interrupts(), c.blocks_interrupts);
        EXPECT_EQ(needs.at_exit(), c.at_exit);
    }
}

TEST_F(EntryNeedsTest, AHitThatDoesNotStopBringsEventsAlong) {
    insert(BreakpointKind::Software, kCode, false);
    EXPECT_FALSE(stops.at_hit(*table.planted_at(Gpa{kCode})));
    EXPECT_EQ(needs.at_exit(), kvm::SyncedState::Events);
    stops.begin();
    EXPECT_EQ(needs.at_exit(), kvm::SyncedState::General);
}

TEST_F(EntryNeedsTest, ARangeThatDoesNotEndLetsInterruptsInFromTimeToTime) {
    needs.action().set(gdbstub::RangeStep{kCode, kCode + 8});
    for (std::uint64_t i = 1; i < ClientAction::kRangePatience; ++i)
        ASSERT_FALSE(needs.action().ends_at(kCode));
    EXPECT_TRUE(needs.blocks_interrupts());
    EXPECT_FALSE(needs.action().ends_at(kCode));
    EXPECT_FALSE(needs.blocks_interrupts());
    EXPECT_FALSE(needs.action().ends_at(kCode));
    EXPECT_TRUE(needs.blocks_interrupts());
}

}  // namespace
}  // namespace ringside::debug
