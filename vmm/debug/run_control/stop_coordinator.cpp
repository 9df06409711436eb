#include "vmm/debug/run_control/stop_coordinator.h"

#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

// Returns true if a stop that lost the race must be reported later. Breakpoints stop before their instruction, so they
// are hit again; an interrupt is satisfied by any stop.
bool must_be_kept(const gdbstub::StopReason& reason) {
    return std::holds_alternative<gdbstub::StoppedBySignal>(reason) ||
           std::holds_alternative<gdbstub::StoppedByWatchpoint>(reason);
}

}  // namespace

StopCoordinator::StopCoordinator(machine::Machine& machine, std::function<void()> on_stopped)
    : machine_(machine),
      on_stopped_(std::move(on_stopped)),
      pending_(machine.vcpu_count()),
      suspended_(machine.vcpu_count(), true),
      parked_(machine.vcpu_count(), false) {
    last_.reason = gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false};
}

// Both are needed. parked_ alone is stale while a resumed vCPU has not woken up yet; parked() alone comes before the
// vCPU's registers are cached.
bool StopCoordinator::is_parked(VcpuIndex vcpu) const {
    return parked_[vcpu.value] && machine_.vcpu(vcpu).parked();
}

bool StopCoordinator::all_parked_but(std::optional<VcpuIndex> except) const {
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i) {
        if (except != VcpuIndex{i} && !is_parked(VcpuIndex{i}))
            return false;
    }
    return true;
}

void StopCoordinator::begin_stop_locked(gdbstub::StopEvent event) {
    state_ = State::Stopping;
    last_ = std::move(event);
    hit_again_.clear();
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i) {
        if (!suspended_[i]) {
            suspended_[i] = true;
            machine_.vcpu(VcpuIndex{i}).suspend();
        }
    }
}

void StopCoordinator::report(VcpuIndex vcpu, gdbstub::StopEvent event) {
    std::lock_guard lock(mutex_);
    if (state_ == State::Running) {
        begin_stop_locked(std::move(event));
        return;
    }
    // Another vCPU was faster, and this one is suspended already.
    if (must_be_kept(event.reason))
        pending_[vcpu.value] = std::move(event);
    else
        hit_again_.push_back(std::move(event));
}

void StopCoordinator::note_parked(VcpuIndex vcpu) {
    {
        std::lock_guard lock(mutex_);
        parked_[vcpu.value] = true;
        changed_.notify_all();
        if (state_ != State::Stopping || alone_ || !all_parked_but(std::nullopt))
            return;
        state_ = State::Stopped;
    }
    on_stopped_();
}

void StopCoordinator::note_running(VcpuIndex vcpu) {
    std::lock_guard lock(mutex_);
    parked_[vcpu.value] = false;
}

bool StopCoordinator::park_others(VcpuIndex vcpu) {
    std::unique_lock lock(mutex_);
    if (state_ != State::Running || alone_)
        return false;
    alone_ = vcpu;
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i) {
        if (i != vcpu.value)
            machine_.vcpu(VcpuIndex{i}).suspend();
    }
    changed_.wait(lock, [&] { return all_parked_but(vcpu); });
    return true;
}

void StopCoordinator::resume_others(VcpuIndex vcpu) {
    std::lock_guard lock(mutex_);
    alone_.reset();
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i) {
        if (i != vcpu.value)
            machine_.vcpu(VcpuIndex{i}).resume();
    }
}

void StopCoordinator::interrupt(gdbstub::StopReason reason) {
    bool stopped_at_once = false;
    {
        std::lock_guard lock(mutex_);
        if (state_ != State::Running)
            return;
        begin_stop_locked({gdbstub::ThreadId{last_.thread}, reason, {}});
        // Nothing will park any more if nothing was running (every resumed vCPU was about to park).
        if (!alone_ && all_parked_but(std::nullopt)) {
            state_ = State::Stopped;
            stopped_at_once = true;
        }
    }
    if (stopped_at_once)
        on_stopped_();
}

void StopCoordinator::resume(std::span<const VcpuIndex> vcpus) {
    bool reported = false;
    std::vector<VcpuIndex> to_resume;
    {
        std::lock_guard lock(mutex_);
        for (const VcpuIndex vcpu : vcpus) {
            auto& pending = pending_[vcpu.value];
            if (pending && !reported) {
                last_ = std::move(*pending);
                pending.reset();
                reported = true;
            }
        }
        if (!reported) {
            state_ = State::Running;
            for (const VcpuIndex vcpu : vcpus) {
                if (suspended_[vcpu.value])
                    to_resume.push_back(vcpu);
                suspended_[vcpu.value] = false;
            }
        }
    }
    if (reported) {
        on_stopped_();
        return;
    }
    // Without the lock, which the first vCPU to wake up wants. One that stops at once suspends the others
    // before they are resumed here: suspensions count, so they stay where they are.
    for (const VcpuIndex vcpu : to_resume)
        machine_.vcpu(vcpu).resume();
}

void StopCoordinator::resume_all() {
    std::vector<VcpuIndex> all;
    {
        std::lock_guard lock(mutex_);
        for (auto& pending : pending_)
            pending.reset();
    }
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i)
        all.push_back(VcpuIndex{i});
    resume(all);
}

bool StopCoordinator::stopped() const {
    std::lock_guard lock(mutex_);
    return state_ == State::Stopped;
}

gdbstub::StopEvent StopCoordinator::last_stop() const {
    std::lock_guard lock(mutex_);
    return last_;
}

std::vector<gdbstub::StopEvent> StopCoordinator::simultaneous() const {
    std::lock_guard lock(mutex_);
    auto events = hit_again_;
    for (const auto& pending : pending_) {
        if (pending)
            events.push_back(*pending);
    }
    return events;
}

void StopCoordinator::replace_stop(gdbstub::StopEvent event) {
    std::lock_guard lock(mutex_);
    last_ = std::move(event);
    hit_again_.clear();
    for (auto& pending : pending_)
        pending.reset();
}

void StopCoordinator::forget_if(const std::function<bool(const gdbstub::StopEvent&)>& unwanted) {
    std::lock_guard lock(mutex_);
    std::erase_if(hit_again_, unwanted);
    for (auto& pending : pending_) {
        if (pending && unwanted(*pending))
            pending.reset();
    }
}

}  // namespace ringside::debug
