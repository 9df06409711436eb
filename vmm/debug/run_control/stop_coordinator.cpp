#include "vmm/debug/run_control/stop_coordinator.h"

#include <algorithm>

#include "gdbstub/overloaded.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

// Returns true if a stop that lost the race must be reported later. Breakpoints stop before their instruction, so they
// are hit again; an interrupt is satisfied by any stop.
bool must_be_kept(const gdbstub::StopReason& reason) {
    using namespace gdbstub;
    return std::visit(Overloaded{[](const OneOf<StoppedBySignal, StoppedByWatchpoint> auto&) { return true; },
                                 [](const OneOf<StoppedBySoftwareBreakpoint, StoppedByHardwareBreakpoint,
                                                StoppedByInterrupt, ReplayLogEnd, Exited, Terminated> auto&) {
                                     return false;
                                 }},
                      reason);
}

}  // namespace

StopCoordinator::StopCoordinator(machine::Machine& machine, OnStopped on_stopped)
    : machine_(machine),
      on_stopped_(std::move(on_stopped)),
      pending_(machine.vcpu_count()),
      parking_(machine),
      own_stops_(machine.vcpu_count()) {
    last_.reason = gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false};
}

void StopCoordinator::begin_stop_locked(gdbstub::StopEvent event) {
    state_ = State::Stopping;
    last_ = std::move(event);
    hit_again_.clear();
    for (std::uint32_t i = 0; i < parking_.count(); ++i)
        parking_.suspend(VcpuIndex{i});
}

// ---- vCPU threads

void StopCoordinator::report(VcpuIndex vcpu, gdbstub::StopEvent event) {
    std::lock_guard lock(mutex_);
    if (non_stop_) {
        own_stops_[vcpu.value] = OwnStop{std::move(event)};
        parking_.suspend(vcpu);
        return;
    }
    if (state_ == State::Running) {
        begin_stop_locked(std::move(event));
        return;
    }
    // Another vCPU was faster, and this one is already suspended.
    if (must_be_kept(event.reason))
        pending_[vcpu.value] = std::move(event);
    else
        hit_again_.push_back(std::move(event));
}

void StopCoordinator::note_parked(VcpuIndex vcpu) {
    std::optional<VcpuIndex> which;
    {
        std::lock_guard lock(mutex_);
        parking_.note_parked(vcpu);
        changed_.notify_all();
        if (non_stop_) {
            if (!announces_locked(vcpu))
                return;
            which = vcpu;
        } else {
            if (state_ != State::Stopping || !parking_.all_parked())
                return;
            state_ = State::Stopped;
        }
    }
    on_stopped_(which);
}

void StopCoordinator::note_running(VcpuIndex vcpu) {
    std::lock_guard lock(mutex_);
    parking_.note_running(vcpu);
}

bool StopCoordinator::park_others(VcpuIndex vcpu) {
    std::unique_lock lock(mutex_);
    if (state_ != State::Running || parking_.someone_alone())
        return false;
    parking_.begin_alone(vcpu);
    changed_.wait(lock, [&] { return parking_.all_parked_but(vcpu); });
    return true;
}

void StopCoordinator::resume_others() {
    std::lock_guard lock(mutex_);
    parking_.end_alone();
}

// ---- The server's thread

void StopCoordinator::interrupt(gdbstub::StopReason reason) {
    std::vector<VcpuIndex> to_announce;
    bool stopped_at_once = false;
    {
        std::lock_guard lock(mutex_);
        if (non_stop_) {
            interrupt_all_locked(reason, to_announce);
        } else if (state_ == State::Running) {
            begin_stop_locked({gdbstub::ThreadId{last_.thread}, reason, {}});
            // No vCPU will park any more if none was running (every resumed vCPU was about to park).
            stopped_at_once = parking_.all_parked();
            if (stopped_at_once)
                state_ = State::Stopped;
        }
    }
    if (stopped_at_once)
        on_stopped_(std::nullopt);
    for (const VcpuIndex vcpu : to_announce)
        on_stopped_(vcpu);
}

// The first of the vCPUs to be resumed that still has something to report makes that the stop.
bool StopCoordinator::take_pending_locked(std::span<const VcpuIndex> vcpus) {
    for (const VcpuIndex vcpu : vcpus) {
        auto& pending = pending_[vcpu.value];
        if (pending) {
            last_ = std::move(*pending);
            pending.reset();
            return true;
        }
    }
    return false;
}

void StopCoordinator::resume(std::span<const VcpuIndex> vcpus) {
    bool reported = false;
    std::vector<VcpuIndex> to_resume;
    {
        std::lock_guard lock(mutex_);
        reported = !non_stop_ && take_pending_locked(vcpus);
        if (!reported) {
            state_ = State::Running;
            for (const VcpuIndex vcpu : vcpus) {
                own_stops_[vcpu.value].reset();
                if (parking_.take_suspension(vcpu))
                    to_resume.push_back(vcpu);
            }
        }
    }
    if (reported) {
        on_stopped_(std::nullopt);
        return;
    }
    // Without the lock, which the first vCPU to wake up takes. If one stops at once, it suspends the others
    // before they are resumed here: suspensions count, so they stay parked.
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

bool StopCoordinator::stopped_locked() const {
    if (!non_stop_)
        return state_ == State::Stopped;
    for (std::uint32_t i = 0; i < parking_.count(); ++i) {
        if (!parking_.suspended(VcpuIndex{i}))
            return false;
    }
    return parking_.all_parked();
}

bool StopCoordinator::stopped() const {
    std::lock_guard lock(mutex_);
    return stopped_locked();
}

gdbstub::StopEvent StopCoordinator::last_stop() const {
    std::lock_guard lock(mutex_);
    return last_;
}

bool StopCoordinator::is_shown(VcpuIndex vcpu) const {
    std::lock_guard lock(mutex_);
    const bool is_interrupt = std::holds_alternative<gdbstub::StoppedByInterrupt>(last_.reason);
    return non_stop_ || (last_.thread == thread_of(vcpu) && !is_interrupt);
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

std::vector<gdbstub::StopEvent*> StopCoordinator::stops_locked(VcpuIndex vcpu) {
    if (non_stop_) {
        auto& own = own_stops_[vcpu.value];
        return own ? std::vector{&own->event} : std::vector<gdbstub::StopEvent*>{};
    }
    std::vector<gdbstub::StopEvent*> stops;
    const auto take = [&](gdbstub::StopEvent& event) {
        if (event.thread == thread_of(vcpu))
            stops.push_back(&event);
    };
    take(last_);
    std::ranges::for_each(hit_again_, take);
    if (auto& pending = pending_[vcpu.value])
        take(*pending);
    return stops;
}

// `add` is called without the lock: it may have the vCPU's thread do something. No other thread changes a stop now.
void StopCoordinator::describe(VcpuIndex vcpu, const std::function<void(gdbstub::StopEvent&)>& add) {
    std::vector<gdbstub::StopEvent*> stops;
    {
        std::lock_guard lock(mutex_);
        stops = stops_locked(vcpu);
    }
    for (gdbstub::StopEvent* stop : stops)
        add(*stop);
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
