// How clients leave: by each policy and in each way, a guest that is stopped and one that runs.

#include "vmm/debug/target/clients.h"

#include "tests/unit/vmm/debug/target/debugger_fixture.h"

namespace ringside::debug {
namespace {

enum class Way { Detaches, IsLost, Kills };
enum class Then { RunsOn, StaysStopped, RestartsAndStays, Quits };

struct LeavingCase {
    OnDisconnect policy;
    Way way;
    Then then;
};

class LeavingClient : public DebuggerTest, public ::testing::WithParamInterface<LeavingCase> {
  protected:
    LeavingClient() : DebuggerTest({.wait = true, .on_disconnect = GetParam().policy}) {
        owner.restarts = [this](const machine::StopToken& token) {
            ++restarts;
            machine->power_on(token);
        };
        insert(kCode + 4);
    }
    void leave() {
        switch (GetParam().way) {
            case Way::Detaches:
                return target().execution.detach();
            case Way::IsLost:
                return target().execution.client_lost();
            case Way::Kills:
                return target().execution.kill();
        }
    }
    void expect_left() {
        const Then then = GetParam().then;
        EXPECT_EQ(owner.quits, then == Then::Quits ? 1 : 0);
        EXPECT_EQ(restarts, then == Then::RestartsAndStays ? 1 : 0);
        if (then == Then::Quits)
            return;
        EXPECT_EQ(target().execution.running(), then == Then::RunsOn);
        EXPECT_FALSE(debugger.client_attached());
        EXPECT_EQ(byte(kCode + 4), std::byte{0x90}) << "a breakpoint was left";
    }

    int restarts = 0;
};

TEST_P(LeavingClient, AStoppedGuest) {
    leave();
    expect_left();
}

TEST_P(LeavingClient, ARunningGuest) {
    resume_all();
    leave();
    while (owner.quits == 0 && owner.gone == 0)
        owner.run_one();
    expect_left();
}

// The policy is for lost connections. To restart the guest is also what a detach and a kill do under it.
constexpr LeavingCase kCases[] = {
    {OnDisconnect::Resume, Way::Detaches, Then::RunsOn},
    {OnDisconnect::Resume, Way::IsLost, Then::RunsOn},
    {OnDisconnect::Resume, Way::Kills, Then::Quits},
    {OnDisconnect::Pause, Way::Detaches, Then::RunsOn},
    {OnDisconnect::Pause, Way::IsLost, Then::StaysStopped},
    {OnDisconnect::Pause, Way::Kills, Then::Quits},
    {OnDisconnect::Quit, Way::Detaches, Then::RunsOn},
    {OnDisconnect::Quit, Way::IsLost, Then::Quits},
    {OnDisconnect::Quit, Way::Kills, Then::Quits},
    {OnDisconnect::Restart, Way::Detaches, Then::RestartsAndStays},
    {OnDisconnect::Restart, Way::IsLost, Then::RestartsAndStays},
    {OnDisconnect::Restart, Way::Kills, Then::RestartsAndStays},
};

INSTANTIATE_TEST_SUITE_P(Each, LeavingClient, ::testing::ValuesIn(kCases));

}  // namespace
}  // namespace ringside::debug
