#include "vmm/debug/run_control/stop_coordinator.h"

#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

// Whether a stop that lost the race must be told later. Breakpoints stop before their instruction, so they
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
      state_kept_(machine.vcpu_count(), false) {
    last_.reason = gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false};
}

// Both are needed. state_kept_ alone is stale while a resumed vCPU has not woken up yet or is on its way out;
// parked() alone comes before its state is kept.
bool StopCoordinator::is_parked(VcpuIndex vcpu) const {
    return state_kept_[vcpu.value] && machine_.vcpu(vcpu).parked();
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
    hit_too_.clear();
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
        hit_too_.push_back(std::move(event));
}

void StopCoordinator::vcpu_parked(VcpuIndex vcpu) {
    {
        std::lock_guard lock(mutex_);
        state_kept_[vcpu.value] = true;
        changed_.notify_all();
        if (state_ != State::Stopping || exclusive_ || !all_parked_but(std::nullopt))
            return;
        state_ = State::Stopped;
    }
    on_stopped_();
}

void StopCoordinator::vcpu_leaving(VcpuIndex vcpu) {
    std::lock_guard lock(mutex_);
    state_kept_[vcpu.value] = false;
}

bool StopCoordinator::begin_exclusive(VcpuIndex vcpu) {
    std::unique_lock lock(mutex_);
    if (state_ != State::Running || exclusive_)
        return false;
    exclusive_ = vcpu;
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i) {
        if (i != vcpu.value)
            machine_.vcpu(VcpuIndex{i}).suspend();
    }
    changed_.wait(lock, [&] { return all_parked_but(vcpu); });
    return true;
}

void StopCoordinator::end_exclusive(VcpuIndex vcpu) {
    std::lock_guard lock(mutex_);
    exclusive_.reset();
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
        if (!exclusive_ && all_parked_but(std::nullopt)) {
            state_ = State::Stopped;
            stopped_at_once = true;
        }
    }
    if (stopped_at_once)
        on_stopped_();
}

void StopCoordinator::resume(std::span<const VcpuIndex> vcpus) {
    bool told = false;
    std::vector<VcpuIndex> to_resume;
    {
        std::lock_guard lock(mutex_);
        for (const VcpuIndex vcpu : vcpus) {
            auto& pending = pending_[vcpu.value];
            if (pending && !told) {
                last_ = std::move(*pending);
                pending.reset();
                told = true;
            }
        }
        if (!told) {
            state_ = State::Running;
            for (const VcpuIndex vcpu : vcpus) {
                if (suspended_[vcpu.value])
                    to_resume.push_back(vcpu);
                suspended_[vcpu.value] = false;
            }
        }
    }
    if (told) {
        on_stopped_();
        return;
    }
    // Without the lock, which the first vCPU to wake up wants. One that stops at once suspends the others
    // before they are resumed here: suspensions count, so they stay where they are.
    for (const VcpuIndex vcpu : to_resume)
        machine_.vcpu(vcpu).resume();
}

void StopCoordinator::resume_all_forgetting() {
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
    auto events = hit_too_;
    for (const auto& pending : pending_) {
        if (pending)
            events.push_back(*pending);
    }
    return events;
}

void StopCoordinator::forget_if(const std::function<bool(const gdbstub::StopEvent&)>& unwanted) {
    std::lock_guard lock(mutex_);
    std::erase_if(hit_too_, unwanted);
    for (auto& pending : pending_) {
        if (pending && unwanted(*pending))
            pending.reset();
    }
}

}  // namespace ringside::debug
