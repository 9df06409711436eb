// The exit loop, the mailbox and the run state of a vCPU's thread, over scripted vCPUs.

#include "vmm/machine/vcpu_thread.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "tests/support/patience.h"
#include "tests/support/scripted_vcpu.h"

namespace ringside::machine {
namespace {

using ringside::testing::ScriptedVcpu;

class Seen final : public VcpuObserver {
  public:
    void on_debug_exit(VcpuThread& thread) override {
        ++debug_exits;
        thread.suspend();
    }
    void on_fatal_exit(VcpuThread& thread, FatalExit cause) override {
        fatal = cause;
        thread.suspend();
    }
    void on_interrupted(VcpuThread&) override { ++interruptions; }
    void on_parked(VcpuThread&) override { parked.release(); }
    void before_entry(VcpuThread&) override { ++entries; }
    void on_exit(VcpuThread&, const exits::ExitRecord& record) override { watched.push_back(record); }
    void on_stop_port(VcpuThread&, std::uint64_t value) override { stop_values.push_back(value); }

    struct Count {
        const std::chrono::milliseconds patience = testing::patience(std::chrono::seconds(10));
        std::mutex mutex;
        std::condition_variable changed;
        int value = 0;
        void release() {
            const std::lock_guard lock(mutex);
            ++value;
            changed.notify_all();
        }
        void acquire() {
            std::unique_lock lock(mutex);
            if (!changed.wait_for(lock, patience, [this] { return value > 0; }))
                throw std::runtime_error("the vCPU does not park");
            --value;
        }
    } parked;
    int debug_exits = 0, entries = 0, interruptions = 0;
    std::optional<FatalExit> fatal;
    std::vector<exits::ExitRecord> watched;
    std::vector<std::uint64_t> stop_values;
};

class PortLog final : public BusDevice {
  public:
    std::string_view name() const override { return "log"; }
    void read(std::uint64_t, std::span<std::byte>) override {}
    void write(std::uint64_t, std::span<const std::byte> data) override { written.push_back(data[0]); }
    std::vector<std::byte> written;
};

class VcpuThreadTest : public ::testing::Test {
  protected:
    VcpuThreadTest() {
        VcpuThread::install_kick_signal();
        auto owned = std::make_unique<ScriptedVcpu>();
        vcpu = owned.get();
        thread = std::make_unique<VcpuThread>(std::move(owned), buses, seen);
    }
    void start() {
        thread->start();
        seen.parked.acquire();
    }
    void run_until_parked() {
        thread->resume();
        seen.parked.acquire();
    }
    std::uint64_t recorded(std::uint32_t reason) {
        const auto statistics = thread->recorder().snapshot();
        std::uint64_t count = 0;
        for (const auto& exit : statistics.recent)
            count += exit.reason == reason ? 1U : 0U;
        return count;
    }

    Buses buses;
    Seen seen;
    ScriptedVcpu* vcpu = nullptr;
    std::unique_ptr<VcpuThread> thread;
};

TEST_F(VcpuThreadTest, ItStartsParkedAndRunsWhenResumed) {
    start();
    EXPECT_TRUE(thread->parked());
    EXPECT_EQ(vcpu->runs, 0);
    vcpu->script.push_back([](ScriptedVcpu& v) { return v.debug_exit(1); });
    run_until_parked();
    EXPECT_EQ(seen.debug_exits, 1);
    EXPECT_EQ(seen.entries, 1);
}

TEST_F(VcpuThreadTest, SuspensionsCount) {
    start();
    thread->suspend();
    thread->resume();
    EXPECT_EQ(thread->call([](kvm::VcpuPort& v) { return static_cast<ScriptedVcpu&>(v).runs; }), 0);
    EXPECT_TRUE(thread->parked());
}

TEST_F(VcpuThreadTest, ARunningVcpuIsKickedForACallAndRunsOn) {
    start();
    thread->resume();
    EXPECT_EQ(thread->call([](kvm::VcpuPort&) { return 42; }), 42);
    EXPECT_FALSE(thread->parked());
    thread->suspend();
    seen.parked.acquire();
    EXPECT_EQ(seen.entries, 1);
}

TEST_F(VcpuThreadTest, APortWriteReachesTheDeviceAndTheRecorder) {
    PortLog log;
    ASSERT_TRUE(buses.pio.attach(0x3f8, 1, log));
    vcpu->script.push_back([](ScriptedVcpu& v) { return v.port_write(0x3f8, 'x'); });
    vcpu->script.push_back([](ScriptedVcpu& v) { return v.debug_exit(1); });
    start();
    run_until_parked();
    EXPECT_EQ(log.written, std::vector{std::byte{'x'}});
    EXPECT_EQ(recorded(KVM_EXIT_IO), 1U);
}

TEST_F(VcpuThreadTest, TheObserverLearnsOfWritesToTheStopPortOnly) {
    PortLog log;
    ASSERT_TRUE(buses.pio.attach(0x3f8, 2, log));
    thread->set_stop_port(0x3f9);
    vcpu->script.push_back([](ScriptedVcpu& v) { return v.port_write(0x3f8, 'x'); });
    vcpu->script.push_back([](ScriptedVcpu& v) { return v.port_write(0x3f9, 7); });
    vcpu->script.push_back([](ScriptedVcpu& v) { return v.debug_exit(1); });
    start();
    run_until_parked();
    EXPECT_EQ(seen.stop_values, std::vector<std::uint64_t>{7});
}

// A REP OUTS that KVM splits: the completion of one part is the exit of the next.
TEST_F(VcpuThreadTest, AnExitThatComesWhileParkingIsHandledAndCounted) {
    PortLog log;
    ASSERT_TRUE(buses.pio.attach(0x3f8, 1, log));
    thread->watch_exits(true);
    vcpu->script.push_back([this](ScriptedVcpu& v) {
        thread->suspend();
        return v.port_write(0x3f8, 'a');
    });
    vcpu->during_completion.push_back([](ScriptedVcpu& v) { return v.port_write(0x3f8, 'b'); });
    start();
    run_until_parked();
    EXPECT_EQ(log.written, (std::vector{std::byte{'a'}, std::byte{'b'}}));
    EXPECT_EQ(recorded(KVM_EXIT_IO), 2U);
    EXPECT_EQ(seen.watched.size(), 2U);
}

// The signal may be one that the observer has asked for.
TEST_F(VcpuThreadTest, TheObserverLearnsThatASignalEndedARun) {
    vcpu->script.push_back([](ScriptedVcpu&) { return kvm::RunOutcome::Interrupted; });
    vcpu->script.push_back([](ScriptedVcpu& v) { return v.debug_exit(1); });
    start();
    run_until_parked();
    EXPECT_EQ(seen.interruptions, 1);
    EXPECT_EQ(seen.debug_exits, 1);
}

TEST_F(VcpuThreadTest, AShutdownIsATripleFault) {
    vcpu->script.push_back([](ScriptedVcpu& v) {
        v.shared().exit_reason = KVM_EXIT_SHUTDOWN;
        return kvm::RunOutcome::Exit;
    });
    start();
    run_until_parked();
    EXPECT_EQ(seen.fatal, FatalExit::TripleFault);
}

}  // namespace
}  // namespace ringside::machine
