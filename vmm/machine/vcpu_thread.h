// A vCPU's thread: the loop around KVM_RUN, the mailbox through which other threads reach the vCPU, and its
// run state.
//
// Rules:
// - Only this thread touches the vCPU. Others call(): the request runs on this thread at its next safe point, which is
//   between two KVM_RUNs, with the last exit finished (KVM API, "KVM_RUN": PIO, MMIO and MSR exits complete at the
//   next entry).
// - A vCPU runs while its suspension count is 0. Suspensions nest, so that an all-stop and a vCPU that
//   runs alone are independent of each other.
// - A kick sets immediate_exit, then sends a signal: so KVM_RUN returns even if it has not started
//   yet.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <type_traits>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/exits/record/recorder.h"
#include "vmm/kvm/vcpu_port.h"
#include "vmm/machine/bus.h"

namespace ringside::machine {

class VcpuThread;

// Why a vCPU cannot continue.
enum class FatalExit : std::uint8_t {
    TripleFault,       // KVM_EXIT_SHUTDOWN
    EmulationFailure,  // KVM_EXIT_INTERNAL_ERROR, suberror 1
    InternalError,     // any other KVM_EXIT_INTERNAL_ERROR
    EntryFailure,      // KVM_EXIT_FAIL_ENTRY
    RunFailure,        // KVM_RUN itself failed
    Unhandled,         // an exit reason that this monitor does not handle
};

// The exit loop's calls to the debugger. Every method is called on the vCPU's own thread.
class VcpuObserver {
  public:
    virtual ~VcpuObserver() = default;
    // KVM_EXIT_DEBUG. The observer suspends the vCPU if it is to stop; otherwise it runs on.
    virtual void on_debug_exit(VcpuThread&) = 0;
    // An exit after which the vCPU cannot simply be entered again. The observer has either corrected it (its own
    // or the guest's int3 on a KVM that cannot emulate one) or suspended the vCPU.
    virtual void on_fatal_exit(VcpuThread&, FatalExit) = 0;
    // KVM_RUN was interrupted by a signal. The observer may have asked for one (vmm/debug/host/exit_trap.h).
    virtual void on_interrupted(VcpuThread&) {}
    // KVM_RUN has failed with EFAULT: the guest has written to a page that is protected from it (write_protection.h), and
    // the instruction has had no effect. Returns false if no page is: the failure is another one.
    virtual bool on_write_fault(VcpuThread&) { return false; }
    // KVM has executed an instruction itself and could not write its result to guest memory. Returns true if the observer
    // has done so, because it protects the page.
    virtual bool on_unwritten(VcpuThread&, Gpa, std::span<const std::byte>) { return false; }
    // The vCPU's dirty ring is full: it runs on after pages have been collected (dirty_pages.h).
    virtual void on_dirty_ring_full(VcpuThread&) {}
    // The guest has written to the stop port (set_stop_port()).
    virtual void on_stop_port(VcpuThread&, std::uint64_t /*value*/) {}
    // The vCPU has parked; its state is final and stays so until before_entry().
    virtual void on_parked(VcpuThread&) = 0;
    // The vCPU is about to run again after it was parked.
    virtual void before_entry(VcpuThread&) = 0;
    // After each exit, except the above, while watch_exits() is on.
    virtual void on_exit(VcpuThread&, const exits::ExitRecord&) = 0;
};

// Devices that an exit can reach, shared by all vCPUs and immutable while they run.
struct Buses {
    Bus pio;
    Bus mmio;
};

class VcpuThread {
  public:
    VcpuThread(std::unique_ptr<kvm::VcpuPort> vcpu, const Buses& buses, VcpuObserver& observer);
    ~VcpuThread();
    VcpuThread(const VcpuThread&) = delete;
    VcpuThread& operator=(const VcpuThread&) = delete;

    // Starts the thread, parked: the suspension count is 1.
    void start();
    // Ends the thread: at once if it is parked, otherwise after the current exit. Waits for it.
    void stop();

    VcpuIndex index() const { return vcpu_->index(); }

    // Raises and lowers the suspension count. Both return at once; on_parked() is called when the vCPU has parked.
    void suspend();
    void resume();
    // Returns true if the vCPU is parked.
    bool parked() const { return parked_.load(std::memory_order_acquire); }

    // Runs `request(kvm::VcpuPort&)` on the vCPU's thread at its next safe point and returns its result. A
    // running vCPU is kicked for this and then runs on. On the vCPU's own thread, and once that has ended, it is a plain
    // call.
    template <typename F>
    auto call(F&& request) -> std::invoke_result_t<F&, kvm::VcpuPort&>;

    // The vCPU itself, for observers: they run on its thread.
    kvm::VcpuPort& vcpu() { return *vcpu_; }

    // Returns true if the KVM_RUN that has just returned finished a PIO, MMIO or MSR access of the exit before it.
    bool finished_an_access() const { return finished_an_access_; }
    // The number of such accesses.
    std::uint64_t accesses() const { return accesses_; }

    exits::VcpuRecorder& recorder() { return recorder_; }
    // Turns on_exit() on and off: for catching exits.
    void watch_exits(bool on) { watch_exits_.store(on, std::memory_order_relaxed); }
    // Calls on_stop_port() for writes to this port; default: none.
    void set_stop_port(std::optional<std::uint16_t> port) {
        stop_port_.store(port ? *port : kNoPort, std::memory_order_relaxed);
    }
    // The kernel's id of the thread, for perf_event_open. 0 before start().
    int tid() const { return tid_.load(std::memory_order_acquire); }
    // The error of the last KVM_RUN; valid in on_fatal_exit(RunFailure).
    const std::optional<Error>& run_error() const { return run_error_; }

    // The signal of a kick. Its handler does nothing; install_kick_signal() must run once per process.
    static int kick_signal();
    static void install_kick_signal();

  private:
    // A request in the mailbox; lives on its caller's stack.
    struct Job {
        void (*run)(Job&, kvm::VcpuPort&) = nullptr;
        Job* next = nullptr;
        std::atomic<int> done{0};  // an int is a futex; a bool uses a pool
    };
    void post(Job& job);

    void loop();
    bool attend();
    void run_jobs(std::unique_lock<std::mutex>& lock);
    void finish_exit();
    void kick_locked();

    void run_once();
    void finish(exits::ExitRecord& record);
    void on_failed_run(exits::ExitRecord& record, const Error& error);
    void note(exits::ExitRecord& record);
    void handle_exit(exits::ExitRecord& record);
    void handle_pio(exits::ExitRecord& record);
    void handle_mmio(exits::ExitRecord& record);
    void handle_msr(exits::ExitRecord& record, bool write);
    void fatal(FatalExit cause);

    std::unique_ptr<kvm::VcpuPort> vcpu_;
    const Buses& buses_;
    VcpuObserver& observer_;
    exits::VcpuRecorder recorder_;

    // The exit loop checks it before each entry: set whenever the fields under the mutex change.
    std::atomic<bool> attention_{true};
    std::atomic<bool> parked_{false};
    std::atomic<bool> watch_exits_{false};
    static constexpr std::uint32_t kNoPort = 0x10000;
    std::atomic<std::uint32_t> stop_port_{kNoPort};
    std::atomic<int> tid_{0};
    bool finished_an_access_ = false;
    std::uint64_t accesses_ = 0;
    bool completion_pending_ = false;  // the last exit completes at the next entry
    std::optional<Error> run_error_;

    std::mutex mutex_;
    std::condition_variable wake_;
    int suspensions_ = 1;
    bool quitting_ = false;
    bool ended_ = false;
    Job* jobs_ = nullptr;
    bool started_ = false;

    std::thread thread_;
};

template <typename F>
auto VcpuThread::call(F&& request) -> std::invoke_result_t<F&, kvm::VcpuPort&> {
    using Value = std::invoke_result_t<F&, kvm::VcpuPort&>;
    if (std::this_thread::get_id() == thread_.get_id())
        return request(*vcpu_);
    struct Typed : Job {
        std::remove_reference_t<F>* request = nullptr;
        std::optional<Value> value;
    } job;
    job.request = &request;
    job.run = [](Job& base, kvm::VcpuPort& vcpu) {
        auto& typed = static_cast<Typed&>(base);
        typed.value.emplace((*typed.request)(vcpu));
    };
    post(job);
    return std::move(*job.value);
}

}  // namespace ringside::machine
