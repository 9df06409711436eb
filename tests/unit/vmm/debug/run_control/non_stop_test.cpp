// Non-stop mode over scripted vCPUs whose threads run: each stops on its own, hold() parks them all.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <semaphore>

#include "tests/support/patience.h"
#include "tests/support/scripted_machine.h"
#include "vmm/debug/run_control/stop_coordinator.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {
namespace {

using ::testing::ElementsAre;

constexpr VcpuIndex kFirst{0}, kSecond{1};
const std::chrono::milliseconds kPatience = ringside::testing::patience(std::chrono::seconds(10));
constexpr gdbstub::StoppedBySignal kStepDone{gdbstub::Signal::Trap, true};

// Tells the coordinator what the debugger tells it.
class ParkingObserver final : public machine::VcpuObserver {
  public:
    StopCoordinator* coordinator = nullptr;
    bool first_is_alone = false;
    void on_debug_exit(machine::VcpuThread&) override {}
    void on_fatal_exit(machine::VcpuThread&, machine::FatalExit) override {}
    void on_parked(machine::VcpuThread& thread) override {
        if (thread.index() == kFirst && std::exchange(first_is_alone, false))
            coordinator->resume_others();
        coordinator->note_parked(thread.index());
    }
    void before_entry(machine::VcpuThread& thread) override {
        coordinator->note_running(thread.index());
        entries.release();
    }
    std::counting_semaphore<> entries{0};
    void on_exit(machine::VcpuThread&, const exits::ExitRecord&) override {}
};

class NonStopTest : public ::testing::Test {
  protected:
    NonStopTest() {
        machine::VcpuThread::install_kick_signal();
        machine = ringside::testing::idle_machine(2, observer);
        coordinator = std::make_unique<StopCoordinator>(*machine, [this](std::optional<VcpuIndex> vcpu) {
            note(vcpu ? static_cast<int>(vcpu->value) : -1);
        });
        observer.coordinator = coordinator.get();
        machine->start();
        await({-1});
        coordinator->set_non_stop(true);
    }
    ~NonStopTest() override { machine->stop(); }

    void note(int announcement) {
        std::lock_guard lock(mutex);
        announced.push_back(announcement);
        changed.notify_all();
    }
    // Waits for as many announcements, compares them without their order, and forgets them.
    void await(std::vector<int> expected) {
        std::unique_lock lock(mutex);
        changed.wait_for(lock, kPatience, [&] { return announced.size() >= expected.size(); });
        EXPECT_THAT(announced, ::testing::UnorderedElementsAreArray(expected));
        announced.clear();
    }
    void resume(std::initializer_list<VcpuIndex> vcpus) {
        coordinator->resume(std::span(vcpus.begin(), vcpus.size()));
    }
    // The same, and waits until they run: a vCPU reports nothing before.
    void run(std::initializer_list<VcpuIndex> vcpus) {
        resume(vcpus);
        for (std::size_t i = 0; i < vcpus.size(); ++i)
            EXPECT_TRUE(observer.entries.try_acquire_for(kPatience));
    }
    // As a vCPU's own thread reports.
    void report(VcpuIndex vcpu, gdbstub::StopReason reason) {
        machine->vcpu(vcpu).call([&](kvm::VcpuPort&) {
            coordinator->report(vcpu, {thread_of(vcpu), reason, {}});
            return true;
        });
    }
    bool runs(VcpuIndex vcpu) const { return !coordinator->stop_of(vcpu); }

    ParkingObserver observer;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<int> announced;  // vCPUs; -1: every vCPU
    std::unique_ptr<machine::Machine> machine;
    std::unique_ptr<StopCoordinator> coordinator;
};

TEST_F(NonStopTest, EveryVcpuIsStoppedAtFirst) {
    EXPECT_TRUE(coordinator->stopped());
    EXPECT_FALSE(runs(kFirst));
    EXPECT_FALSE(runs(kSecond));
}

TEST_F(NonStopTest, AReportStopsItsVcpuAlone) {
    run({kFirst, kSecond});
    report(kSecond, gdbstub::StoppedBySoftwareBreakpoint{});
    await({1});
    EXPECT_TRUE(runs(kFirst));
    EXPECT_FALSE(coordinator->stopped());
    EXPECT_TRUE(
        std::holds_alternative<gdbstub::StoppedBySoftwareBreakpoint>(coordinator->stop_of(kSecond)->reason));
}

TEST_F(NonStopTest, EachOfTwoThatHitAtOnceIsAnnounced) {
    run({kFirst, kSecond});
    report(kFirst, kStepDone);
    report(kSecond, kStepDone);
    await({0, 1});
    EXPECT_TRUE(coordinator->stopped());
}

TEST_F(NonStopTest, OneIsAskedToStop) {
    run({kFirst, kSecond});
    coordinator->interrupt(kFirst, gdbstub::StoppedByInterrupt{});
    await({0});
    EXPECT_TRUE(runs(kSecond));
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedByInterrupt>(coordinator->stop_of(kFirst)->reason));
}

TEST_F(NonStopTest, WhoIsAskedToStopMayReportSomethingBetter) {
    run({kFirst});
    machine->vcpu(kFirst).call([&](kvm::VcpuPort&) {
        coordinator->interrupt(kFirst, gdbstub::StoppedByInterrupt{});
        coordinator->report(kFirst, {thread_of(kFirst), gdbstub::StoppedBySoftwareBreakpoint{}, {}});
        return true;
    });
    await({0});
    EXPECT_TRUE(
        std::holds_alternative<gdbstub::StoppedBySoftwareBreakpoint>(coordinator->stop_of(kFirst)->reason));
}

TEST_F(NonStopTest, WhoIsStoppedIsNotAskedAgain) {
    coordinator->interrupt(kFirst, gdbstub::StoppedByInterrupt{});
    EXPECT_FALSE(std::holds_alternative<gdbstub::StoppedByInterrupt>(coordinator->stop_of(kFirst)->reason));
}

TEST_F(NonStopTest, AnInterruptStopsAllAndGivesOneItsReason) {
    run({kFirst, kSecond});
    coordinator->interrupt(gdbstub::StoppedByInterrupt{});
    await({0, 1});
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedByInterrupt>(coordinator->stop_of(kFirst)->reason));
    EXPECT_TRUE(std::holds_alternative<gdbstub::StoppedBySignal>(coordinator->stop_of(kSecond)->reason));
}

TEST_F(NonStopTest, AHoldParksEveryVcpuAndAnnouncesNothing) {
    run({kFirst, kSecond});
    coordinator->hold();
    EXPECT_TRUE(machine->stop_token());
    EXPECT_FALSE(coordinator->stopped()) << "they run as soon as they may";
    EXPECT_TRUE(runs(kFirst));
    coordinator->release();
    EXPECT_THAT(announced, ElementsAre());
}

TEST_F(NonStopTest, WhoIsAskedToStopDuringAHoldIsAnnouncedAtOnce) {
    run({kFirst, kSecond});
    coordinator->hold();
    coordinator->interrupt(kSecond, gdbstub::StoppedByInterrupt{});
    await({1});
    coordinator->release();
    EXPECT_FALSE(runs(kSecond));
}

TEST_F(NonStopTest, WhoIsResumedDuringAHoldRunsAfterIt) {
    run({kFirst});
    coordinator->hold();
    resume({kSecond});
    EXPECT_TRUE(machine->vcpu(kSecond).parked());
    coordinator->release();
    coordinator->interrupt(kSecond, gdbstub::StoppedByInterrupt{});
    await({1});
}

TEST_F(NonStopTest, AHoldEndsARunAlone) {
    run({kFirst, kSecond});
    machine->vcpu(kFirst).call([&](kvm::VcpuPort&) {
        observer.first_is_alone = coordinator->park_others(kFirst);
        return true;
    });
    coordinator->hold();
    EXPECT_TRUE(machine->stop_token());
    EXPECT_FALSE(observer.first_is_alone);
    coordinator->release();
}

TEST_F(NonStopTest, BackInAllStopModeTheRestIsStoppedByAnInterrupt) {
    run({kFirst});
    coordinator->set_non_stop(false);
    EXPECT_FALSE(coordinator->stopped());
    coordinator->interrupt(gdbstub::StoppedByInterrupt{});
    await({-1});
    EXPECT_TRUE(coordinator->stopped());
}

TEST_F(NonStopTest, BackInAllStopModeAStoppedMachineStaysSo) {
    coordinator->set_non_stop(false);
    EXPECT_TRUE(coordinator->stopped());
}

}  // namespace
}  // namespace ringside::debug
