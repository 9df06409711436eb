// StopCoordinator in non-stop mode: vCPUs stop one by one.

#include "vmm/debug/run_control/stop_coordinator.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

constexpr gdbstub::StoppedBySignal kAsked{gdbstub::Signal::None, false};

}  // namespace

// Each vCPU is stopped for the reason that it reported, or because all were stopped.
void StopCoordinator::set_non_stop(bool on) {
    std::lock_guard lock(mutex_);
    if (non_stop_ == on)
        return;
    if (!on) {
        state_ = stopped_locked() ? State::Stopped : State::Running;
        non_stop_ = false;
        return;
    }
    for (std::uint32_t i = 0; i < parking_.count(); ++i)
        own_stops_[i] = OwnStop{std::exchange(pending_[i], std::nullopt)
                                    .value_or(gdbstub::StopEvent{thread_of(VcpuIndex{i}), kAsked, {}}),
                                true};
    for (auto& event : hit_again_)
        own_stops_[vcpu_of(event.thread).value]->event = std::move(event);
    hit_again_.clear();
    own_stops_[vcpu_of(last_.thread).value]->event = last_;
    non_stop_ = true;
    state_ = State::Running;
}

bool StopCoordinator::non_stop() const {
    std::lock_guard lock(mutex_);
    return non_stop_;
}

// A vCPU that was asked to stop may report a better reason before it parks.
bool StopCoordinator::announces_locked(VcpuIndex vcpu) {
    auto& stop = own_stops_[vcpu.value];
    return stop && !std::exchange(stop->announced, true);
}

bool StopCoordinator::ask_to_stop_locked(VcpuIndex vcpu, gdbstub::StopReason reason) {
    if (parking_.suspended(vcpu))
        return false;
    own_stops_[vcpu.value] = OwnStop{{thread_of(vcpu), reason, {}}};
    parking_.suspend(vcpu);
    // It may be parked already, for hold() or for a vCPU that runs alone, or may not have woken up yet.
    return parking_.parked(vcpu) && announces_locked(vcpu);
}

void StopCoordinator::interrupt_all_locked(gdbstub::StopReason reason, std::vector<VcpuIndex>& to_announce) {
    for (std::uint32_t i = 0; i < parking_.count(); ++i) {
        const VcpuIndex vcpu{i};
        const bool runs = !parking_.suspended(vcpu);
        if (ask_to_stop_locked(vcpu, reason))
            to_announce.push_back(vcpu);
        if (runs)
            reason = kAsked;
    }
}

void StopCoordinator::interrupt(VcpuIndex vcpu, gdbstub::StopReason reason) {
    {
        std::lock_guard lock(mutex_);
        if (!non_stop_ || !ask_to_stop_locked(vcpu, reason))
            return;
    }
    on_stopped_(vcpu);
}

std::optional<gdbstub::StopEvent> StopCoordinator::stop_of(VcpuIndex vcpu) const {
    std::lock_guard lock(mutex_);
    const auto& stop = own_stops_[vcpu.value];
    return stop && stop->announced ? std::optional(stop->event) : std::nullopt;
}

// Each gets one more suspension. A vCPU that runs alone parks as well, and is no longer alone.
void StopCoordinator::hold() {
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i)
        machine_.vcpu(VcpuIndex{i}).suspend();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return parking_.all_parked(); });
}

void StopCoordinator::release() {
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i)
        machine_.vcpu(VcpuIndex{i}).resume();
}

}  // namespace ringside::debug
