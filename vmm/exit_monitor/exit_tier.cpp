#include "vmm/exit_monitor/exit_tier.h"

#include <limits>

namespace ringside::debug {

namespace {

constexpr std::size_t kAllRecentExits = std::numeric_limits<std::size_t>::max();
// Counts alone: what `diff` compares.
constexpr std::size_t kNoRecentExits = 0;

}  // namespace

exits::VcpuStatistics ExitTier::statistics(std::optional<VcpuIndex> vcpu) const {
    if (vcpu)
        return snapshot(*vcpu, kAllRecentExits);
    return exits::sum(statistics_of_each());
}

std::vector<exits::VcpuStatistics> ExitTier::statistics_of_each() const {
    std::vector<exits::VcpuStatistics> all;
    for (std::uint32_t i = 0; i < vcpu_count(); ++i)
        all.push_back(snapshot(VcpuIndex{i}, kAllRecentExits));
    return all;
}

void ExitTier::mark() {
    mark_.clear();
    for (std::uint32_t i = 0; i < vcpu_count(); ++i)
        mark_.push_back(snapshot(VcpuIndex{i}, kNoRecentExits));
}

exits::VcpuStatistics ExitTier::at_mark(std::optional<VcpuIndex> vcpu) const {
    if (mark_.empty())
        return {};
    return vcpu ? mark_.at(vcpu->value) : exits::sum(mark_);
}

exits::Table ExitTier::last_table(std::optional<VcpuIndex> vcpu, std::size_t rows,
                                  const exits::Names& names) const {
    return exits::last_table(statistics(vcpu), source(), rows, names);
}

exits::VcpuStatistics UserspaceTier::snapshot(VcpuIndex vcpu, std::size_t recent) const {
    return recorders_.at(vcpu.value)->snapshot(recent);
}

void UserspaceTier::reset() {
    for (exits::VcpuRecorder* recorder : recorders_)
        recorder->reset();
}

void UserspaceTier::enable(bool on) {
    for (exits::VcpuRecorder* recorder : recorders_)
        recorder->enable(on);
}

}  // namespace ringside::debug
