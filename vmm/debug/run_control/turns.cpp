#include "vmm/debug/run_control/turns.h"

#include <utility>

namespace ringside::debug {

void Turns::begin(ActivityOf activity) {
    const auto count = static_cast<std::uint32_t>(machine_.vcpu_count());
    activity_ = std::move(activity);
    members_.assign(count, true);
    timers_.clear();
    timers_.resize(count);
    holder_ = {};
    spent_.reset();
    steps_ = 0;
    giving_up_ = timing_ = false;
    active_ = true;
    for (std::uint32_t i = 1; i < count; ++i)
        machine_.vcpu(VcpuIndex{i}).suspend();
}

void Turns::end() {
    if (!std::exchange(active_, false))
        return;
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i) {
        if (holder_ != VcpuIndex{i})
            machine_.vcpu(VcpuIndex{i}).resume();
    }
}

bool Turns::can_step(VcpuIndex vcpu) const {
    return members_[vcpu.value] && activity_(vcpu) != kvm::Activity::WaitingForSipi;
}

std::optional<VcpuIndex> Turns::next(VcpuIndex after) const {
    const auto count = static_cast<std::uint32_t>(members_.size());
    for (std::uint32_t i = 1; i < count; ++i) {
        const VcpuIndex candidate{(after.value + i) % count};
        if (can_step(candidate))
            return candidate;
    }
    return std::nullopt;
}

// If none of them can step, the first waits for what comes.
void Turns::resume(std::span<const VcpuIndex> vcpus, std::optional<VcpuIndex> first) {
    if (!active_ || vcpus.empty())
        return;
    members_.assign(members_.size(), false);
    for (const VcpuIndex vcpu : vcpus)
        members_[vcpu.value] = true;
    const VcpuIndex before = holder_;
    if (first && first != spent_ && can_step(*first))
        holder_ = *first;
    else if (!can_step(holder_))
        holder_ = next(holder_).value_or(members_[holder_.value] ? holder_ : vcpus.front());
    if (holder_ == before)
        return;
    steps_ = 0;
    machine_.vcpu(before).suspend();
    machine_.vcpu(holder_).resume();
}

Result<void> Turns::entering(VcpuIndex vcpu) {
    if (!active_ || activity_(vcpu) == kvm::Activity::Executing || !next(vcpu))
        return {};
    auto& timer = timers_[vcpu.value];
    if (!timer) {
        auto made = TRY(machine::KickTimer::create());
        timer.emplace(std::move(made));
    }
    timer->start(kMoment);
    timing_ = true;
    return {};
}

bool Turns::stepped(VcpuIndex vcpu, bool waits) {
    if (!active_)
        return false;
    stop_timer(vcpu);
    if (spent_ && *spent_ != vcpu)
        spent_.reset();
    if (!waits && ++steps_ < kSteps)
        return false;
    steps_ = 0;
    if (!next(vcpu))
        return false;
    give_up(vcpu);
    return true;
}

void Turns::interrupted(VcpuIndex vcpu) {
    if (!timing_)
        return;
    stop_timer(vcpu);
    give_up(vcpu);
}

void Turns::give_up(VcpuIndex vcpu) {
    giving_up_ = true;
    machine_.vcpu(vcpu).suspend();
}

void Turns::parked(VcpuIndex vcpu) {
    if (!active_)
        return;  // no timer runs, and vCPUs park concurrently
    stop_timer(vcpu);
    if (!std::exchange(giving_up_, false))
        return;
    spent_ = vcpu;
    steps_ = 0;
    holder_ = next(vcpu).value_or(vcpu);
    machine_.vcpu(holder_).resume();
}

void Turns::stop_timer(VcpuIndex vcpu) {
    if (std::exchange(timing_, false))
        timers_[vcpu.value]->stop();
}

}  // namespace ringside::debug
