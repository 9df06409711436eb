// Whose turn it is among the vCPUs of a recorded machine. Their threads have not been started: the test says what they do.

#include "vmm/debug/run_control/turns.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <csignal>

#include "tests/support/no_observer.h"
#include "tests/support/scripted_machine.h"

namespace ringside::debug {
namespace {

using kvm::Activity;
using ringside::testing::NoObserver;

class TurnsTest : public ::testing::Test {
  protected:
    static constexpr VcpuIndex kAll[] = {{0}, {1}, {2}};

    TurnsTest() {
        machine = ringside::testing::idle_machine(std::size(kAll), observer);
        turns.emplace(*machine);
        turns->begin([this](VcpuIndex vcpu) { return does[vcpu.value]; });
    }

    std::uint32_t holder() const { return turns->holder().value; }
    // The vCPU whose turn it is makes a step and waits. Returns whose turn is next.
    std::uint32_t wait() {
        const VcpuIndex vcpu = turns->holder();
        EXPECT_TRUE(turns->stepped(vcpu, true));
        turns->parked(vcpu);
        return holder();
    }

    NoObserver observer;
    std::unique_ptr<machine::Machine> machine;
    std::array<Activity, 3> does{Activity::Executing, Activity::Executing, Activity::Executing};
    std::optional<Turns> turns;
};

TEST_F(TurnsTest, EachHasItsTurnInTheOrderOfNumbers) {
    EXPECT_EQ(holder(), 0U);
    EXPECT_EQ(wait(), 1U);
    EXPECT_EQ(wait(), 2U);
    EXPECT_EQ(wait(), 0U);
}

TEST_F(TurnsTest, ATurnHasSoManySteps) {
    for (int round = 0; round < 2; ++round) {
        const VcpuIndex vcpu = turns->holder();
        for (unsigned i = 1; i < Turns::kSteps; ++i)
            ASSERT_FALSE(turns->stepped(vcpu, false));
        EXPECT_TRUE(turns->stepped(vcpu, false));
        EXPECT_EQ(turns->holder(), vcpu) << "until it has parked";
        turns->parked(vcpu);
        EXPECT_NE(turns->holder(), vcpu);
    }
}

TEST_F(TurnsTest, ParkingForAnotherReasonEndsNoTurn) {
    turns->parked({0});
    EXPECT_EQ(holder(), 0U);
}

TEST_F(TurnsTest, OneThatWaitsForSipiIsPassedOverUntilItHasCome) {
    does[1] = Activity::WaitingForSipi;
    EXPECT_EQ(wait(), 2U);
    does[1] = Activity::Executing;
    wait();
    EXPECT_EQ(wait(), 1U);
}

TEST_F(TurnsTest, WhoIsAloneGoesOn) {
    does[1] = does[2] = Activity::WaitingForSipi;
    for (unsigned i = 0; i < 2 * Turns::kSteps; ++i)
        ASSERT_FALSE(turns->stepped({0}, i % 2 == 0));
}

TEST_F(TurnsTest, AHaltedOneHasAMoment) {
    machine::VcpuThread::install_kick_signal();
    sigset_t kick, before;
    sigemptyset(&kick);
    sigaddset(&kick, machine::VcpuThread::kick_signal());
    pthread_sigmask(SIG_BLOCK, &kick, &before);
    does[1] = Activity::Halted;
    EXPECT_EQ(wait(), 1U);
    ASSERT_TRUE(turns->entering({1}));
    int signal = 0;
    EXPECT_EQ(sigwait(&kick, &signal), 0);
    turns->interrupted({1});
    turns->parked({1});
    EXPECT_EQ(holder(), 2U);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(TurnsTest, ASignalEndsNoTurnOfOneThatExecutes) {
    ASSERT_TRUE(turns->entering({0}));
    turns->interrupted({0});
    turns->parked({0});
    EXPECT_EQ(holder(), 0U);
}

TEST_F(TurnsTest, OnlyThoseThatAreResumedTakeTurns) {
    const VcpuIndex two[] = {{1}, {2}};
    turns->resume(two, std::nullopt);
    EXPECT_EQ(holder(), 1U);
    EXPECT_EQ(wait(), 2U);
    EXPECT_EQ(wait(), 1U);
    turns->resume({two, 1}, std::nullopt);
    EXPECT_FALSE(turns->stepped({1}, true));
}

TEST_F(TurnsTest, TheOneThatTheClientStepsComesFirst) {
    turns->resume(kAll, VcpuIndex{2});
    EXPECT_EQ(holder(), 2U);
    turns->resume(kAll, std::nullopt);
    EXPECT_EQ(holder(), 2U) << "its turn goes on";
}

TEST_F(TurnsTest, AClientThatStepsOneVcpuDoesNotKeepTheOthersFromStepping) {
    turns->resume(kAll, VcpuIndex{2});
    EXPECT_EQ(wait(), 0U);
    turns->resume(kAll, VcpuIndex{2});
    EXPECT_EQ(holder(), 0U);
    EXPECT_EQ(wait(), 1U);
    turns->resume(kAll, VcpuIndex{2});
    EXPECT_EQ(holder(), 2U);
}

TEST_F(TurnsTest, InTheStateOfThePastTheTurnIsNotOfOneThatWaitsForSipi) {
    wait();
    does[1] = Activity::WaitingForSipi;
    turns->resume(kAll, std::nullopt);
    EXPECT_EQ(holder(), 2U);
    turns->resume(kAll, VcpuIndex{1});
    EXPECT_EQ(holder(), 2U);
}

TEST_F(TurnsTest, AfterTheEndNobodyTakesTurns) {
    turns->end();
    EXPECT_FALSE(turns->stepped({0}, true));
    turns->parked({0});
    EXPECT_EQ(holder(), 0U);
}

}  // namespace
}  // namespace ringside::debug
