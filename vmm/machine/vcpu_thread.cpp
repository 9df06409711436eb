#include "vmm/machine/vcpu_thread.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "vmm/exits/record/tsc_clock.h"

namespace ringside::machine {

int VcpuThread::kick_signal() {
    return SIGRTMIN;
}

void VcpuThread::install_kick_signal() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    // No SA_RESTART: the signal's purpose is to make KVM_RUN return EINTR.
    ::sigaction(kick_signal(), &action, nullptr);
}

VcpuThread::VcpuThread(std::unique_ptr<kvm::VcpuPort> vcpu, const Buses& buses, VcpuObserver& observer)
    : vcpu_(std::move(vcpu)), buses_(buses), observer_(observer) {}

VcpuThread::~VcpuThread() {
    stop();
}

void VcpuThread::start() {
    started_ = true;
    ended_ = false;
    thread_ = std::thread([this] { loop(); });
}

void VcpuThread::stop() {
    if (!started_)
        return;
    {
        std::lock_guard lock(mutex_);
        quitting_ = true;
        kick_locked();
    }
    wake_.notify_one();
    thread_.join();
    started_ = false;
}

void VcpuThread::suspend() {
    std::lock_guard lock(mutex_);
    ++suspensions_;
    kick_locked();
}

void VcpuThread::resume() {
    {
        std::lock_guard lock(mutex_);
        --suspensions_;
    }
    wake_.notify_one();
}

// With the mutex held, so that attend() cannot clear immediate_exit between the two stores.
void VcpuThread::kick_locked() {
    attention_.store(true, std::memory_order_relaxed);
    vcpu_->request_immediate_exit(true);
    if (started_ && !parked() && thread_.get_id() != std::this_thread::get_id())
        ::pthread_kill(thread_.native_handle(), kick_signal());
}

void VcpuThread::post(Job& job) {
    {
        std::unique_lock lock(mutex_);
        if (ended_) {
            lock.unlock();
            job.run(job, *vcpu_);
            return;
        }
        job.next = jobs_;
        jobs_ = &job;
        kick_locked();
    }
    wake_.notify_one();
    job.done.wait(0, std::memory_order_acquire);
}

void VcpuThread::run_jobs(std::unique_lock<std::mutex>& lock) {
    while (jobs_ != nullptr) {
        Job* job = std::exchange(jobs_, jobs_->next);
        lock.unlock();
        job->run(*job, *vcpu_);
        // The caller may return, and destroy the job, as soon as `done` is seen; notify on a destroyed atomic
        // only uses its address (C++ [atomics.wait]).
        job->done.store(1, std::memory_order_release);
        job->done.notify_one();
        lock.lock();
    }
}

// An exit is finished before its state is shown: PIO, MMIO and MSR exits move RIP and the target register at
// the next entry (KVM API, 5. kvm_run, note to KVM_EXIT_IO). One entry with immediate_exit set does just
// that. A split MMIO access may take several.
void VcpuThread::finish_exit() {
    while (completion_pending_) {
        completion_pending_ = false;
        vcpu_->request_immediate_exit(true);
        const auto entered = exits::read_tsc();
        const auto outcome = vcpu_->run();
        if (outcome && *outcome == kvm::RunOutcome::Exit) {
            exits::ExitRecord record;
            record.entered = entered;
            record.exited = exits::read_tsc();
            record.reason = vcpu_->shared().exit_reason;
            finish(record);
        }
    }
}

// Parks if the vCPU is suspended, and does the jobs of the mailbox. Returns false if the thread is to end.
bool VcpuThread::attend() {
    finish_exit();
    std::unique_lock lock(mutex_);
    bool was_parked = false;
    for (;;) {
        run_jobs(lock);
        if (quitting_) {
            parked_.store(true, std::memory_order_release);
            ended_ = true;
            return false;
        }
        if (suspensions_ == 0)
            break;
        if (!parked()) {
            was_parked = true;
            parked_.store(true, std::memory_order_release);
            lock.unlock();
            observer_.on_parked(*this);
            lock.lock();
            continue;  // there may be new work since the observer ran
        }
        wake_.wait(lock);
    }
    parked_.store(false, std::memory_order_release);
    attention_.store(false, std::memory_order_relaxed);
    vcpu_->request_immediate_exit(false);
    lock.unlock();
    if (was_parked)
        observer_.before_entry(*this);
    return true;
}

void VcpuThread::loop() {
    tid_.store(static_cast<int>(::syscall(SYS_gettid)), std::memory_order_release);
    for (;;) {
        while (attention_.load(std::memory_order_relaxed)) {
            if (!attend())
                return;
        }
        run_once();
    }
}

}  // namespace ringside::machine
