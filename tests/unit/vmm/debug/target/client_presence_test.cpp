// Clients that come and go: a table of what happens, and what is then known of the client.

#include "vmm/debug/target/client_presence.h"

#include <gtest/gtest.h>

#include <vector>

namespace ringside::debug {
namespace {

enum class Event { Attach, Extend, LeaveRunning, Depart, DepartFromEnd };
using enum Event;

struct History {
    const char* name;
    std::vector<Event> events;
    // What is right.
    bool attached = false, stays = false, leaving = false;
};

class ClientPresenceTest : public ::testing::TestWithParam<History> {};

TEST_P(ClientPresenceTest, FollowsFromWhatHasHappened) {
    ClientPresence client;
    for (const Event event : GetParam().events) {
        if (event == Attach)
            client.attach();
        else if (event == Extend)
            client.enter_extended_mode();
        else if (event == LeaveRunning)
            client.leave_at_stop(OnDisconnect::Resume);
        else if (event == Depart)
            client.depart();
        else
            client.depart_from_end();
    }
    EXPECT_EQ(client.attached(), GetParam().attached);
    EXPECT_EQ(client.stays(), GetParam().stays);
    EXPECT_EQ(client.leaving() == OnDisconnect::Resume, GetParam().leaving);
}

INSTANTIATE_TEST_SUITE_P(
    Histories, ClientPresenceTest,
    ::testing::Values(
        History{.name = "Nobody", .events = {}}, History{.name = "One", .events = {Attach}, .attached = true},
        History{.name = "ExtendedMode", .events = {Attach, Extend}, .attached = true, .stays = true},
        History{.name = "TheNextIsNotInExtendedMode",
                .events = {Attach, Extend, Depart, Attach},
                .attached = true},
        History{.name = "LeavesARunningGuest",
                .events = {Attach, LeaveRunning},
                .attached = true,
                .leaving = true},
        History{.name = "TheGuestHasStoppedSince", .events = {Attach, LeaveRunning, Depart}},
        History{.name = "TheNextCameBeforeThat",
                .events = {Attach, LeaveRunning, Attach, Depart},
                .attached = true},
        History{.name = "TheNextLeftAsWell", .events = {Attach, LeaveRunning, Attach, LeaveRunning, Depart}},
        History{.name = "LeavesAMachineThatHasEnded", .events = {Attach, Extend, DepartFromEnd}}),
    [](const auto& row) { return row.param.name; });

TEST(ClientPresence, EachClientIsGreetedOnce) {
    ClientPresence client;
    client.attach();
    EXPECT_TRUE(client.greet());
    EXPECT_FALSE(client.greet());
    client.depart();
    client.attach();
    EXPECT_TRUE(client.greet());
}

}  // namespace
}  // namespace ringside::debug
