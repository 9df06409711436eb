// How far a run is, by what has happened to it.

#include "vmm/debug/target/run_phase.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringside::debug {
namespace {

using Event = void (*)(RunPhase&);

void start(RunPhase& run) {
    run.start();
}
void guest_ends(RunPhase& run) {
    run.guest_has_ended(machine::GuestEnd{});
}
void withdraw(RunPhase& run) {
    run.withdraw_guest_end();
}
void end(RunPhase& run) {
    run.end();
}
void restart(RunPhase& run) {
    run.restart();
}

struct PhaseCase {
    const char* what;
    std::vector<Event> events;
    bool started, guest_ended, over;
};

TEST(RunPhase, AfterWhatHasHappened) {
    const PhaseCase kCases[] = {
        {"nothing", {}, false, false, false},
        {"the first stop is over", {start}, true, false, false},
        {"the guest has ended itself", {start, guest_ends}, true, true, false},
        {"the run is over with the guest", {start, guest_ends, end}, true, true, true},
        {"the machine has ended before it ran", {end}, false, false, true},
        {"back before the guest's end", {start, guest_ends, withdraw}, true, false, false},
        {"restarted after the guest's end", {start, guest_ends, restart}, true, false, false},
        {"restarted after the run's end", {start, guest_ends, end, restart}, true, false, false},
    };
    for (const auto& c : kCases) {
        SCOPED_TRACE(c.what);
        RunPhase run;
        for (const Event event : c.events)
            event(run);
        EXPECT_EQ(run.started(), c.started);
        EXPECT_EQ(run.guest_end().has_value(), c.guest_ended);
        EXPECT_EQ(run.over(), c.over);
    }
}

TEST(RunPhase, ItBeginsOnce) {
    RunPhase run;
    EXPECT_TRUE(run.start());
    EXPECT_FALSE(run.start());
}

TEST(RunPhase, OnlyAnEndThatWasReachedIsWithdrawn) {
    RunPhase run;
    EXPECT_FALSE(run.withdraw_guest_end());
    guest_ends(run);
    EXPECT_TRUE(run.withdraw_guest_end());
    EXPECT_FALSE(run.withdraw_guest_end());
}

}  // namespace
}  // namespace ringside::debug
