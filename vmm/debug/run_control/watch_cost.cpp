#include "vmm/debug/run_control/watch_cost.h"

namespace ringside::debug {

// The time is measured from one write to another, so the first of them only starts the clock.
WatchCost::Verdict WatchCost::after_write(std::uint64_t now) {
    if (writes_++ == 0)
        began_ = now;
    if (writes_ <= until_trial_)
        return Verdict::KeepOn;
    trial_time_ = (now - began_) / (writes_ - 1) * kWritesTried;
    return Verdict::TryStepping;
}

void WatchCost::try_stepping(std::uint64_t now) {
    trying_ = true;
    writes_ = 0;
    began_ = now;
}

WatchCost::Verdict WatchCost::after_step(std::uint64_t now, bool wrote) {
    if (now - began_ > trial_time_)
        return Verdict::Protection;
    writes_ += wrote ? 1 : 0;
    return writes_ >= kWritesTried ? Verdict::Stepping : Verdict::KeepOn;
}

void WatchCost::protect() {
    until_trial_ *= trying_ ? kTrialsApart : 1;
    trying_ = false;
    writes_ = 0;
}

}  // namespace ringside::debug
