#include "vmm/exits/record/recorder.h"

namespace ringside::exits {

VcpuRecorder::VcpuRecorder()
    : table_(std::make_unique<ExitTable>()),
      hot_(std::make_unique<HotAddresses>()),
      recent_(std::make_unique<RecentExits>()) {}

void VcpuRecorder::record(const ExitRecord& exit) noexcept {
    const std::uint64_t control = control_.load(std::memory_order_acquire);
    if ((control & kDisabled) != 0)
        return;
    if (control != applied_resets_.own())
        clear(control);
    table_->count(exit);
    if (exit.rip != 0)
        hot_->count(exit.rip, exit.reason);
    else
        without_rip_.add(1);
    recent_->push(exit);
    recorded_.add(1);
    if (TraceRing* trace = trace_.load(std::memory_order_acquire); trace != nullptr)
        trace->push(exit);
}

void VcpuRecorder::clear(std::uint64_t control) noexcept {
    // Odd while clearing, so that it equals no number of resets and snapshot() does not use half-cleared
    // data.
    applied_resets_.set(control | kDisabled);
    table_->clear();
    hot_->clear();
    recent_->clear();
    recorded_.set(0);
    without_rip_.set(0);
    applied_resets_.set(control);
}

void VcpuRecorder::enable(bool on) noexcept {
    if (on)
        control_.fetch_and(~kDisabled, std::memory_order_acq_rel);
    else
        control_.fetch_or(kDisabled, std::memory_order_acq_rel);
}

VcpuStatistics VcpuRecorder::snapshot(std::size_t recent) const {
    const auto resets = [this] { return control_.load(std::memory_order_acquire) & ~kDisabled; };
    for (;;) {
        const std::uint64_t wanted = resets();
        VcpuStatistics statistics;
        statistics.resets = wanted / kOneReset;
        if (applied_resets_.get() != wanted)
            return statistics;  // nothing was recorded since the reset
        table_->read(statistics);
        statistics.hot = hot_->read();
        statistics.recent = recent_->read(recent);
        statistics.recorded = recorded_.get();
        statistics.without_rip = without_rip_.get();
        if (resets() == wanted && applied_resets_.get() == wanted)
            return statistics;
    }
}

}  // namespace ringside::exits
