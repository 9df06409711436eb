#include "vmm/debug/run_control/step_off.h"

#include <utility>

namespace ringside::debug {

Breakpoint* StepOff::planted_at(const GuestView& view, const x86::SystemRegisters& system,
                                Gva address) const {
    const auto page = view.translate(system, address);
    Breakpoint* breakpoint = page ? table_.planted_at(page->gpa) : nullptr;
    const bool lifted = breakpoint != nullptr && active_ && lifted_ == breakpoint->gpa;
    return lifted ? nullptr : breakpoint;
}

bool StepOff::begin(const Breakpoint& breakpoint) {
    if (breakpoint.mechanism != Mechanism::Planted) {
        begin();
        return true;
    }
    if (!coordinator_.park_others(vcpu_))
        return false;
    table_.planted().lift(breakpoint.gpa);
    active_ = true;
    lifted_ = breakpoint.gpa;
    return true;
}

Result<bool> StepOff::begin_write(PageGuard& guard) {
    if (!alone() && !coordinator_.park_others(vcpu_))
        return false;
    active_ = true;
    opened_ = &guard;
    auto opened = guard.open();
    if (!opened)
        end();
    TRY(opened);
    return true;
}

bool StepOff::end() {
    if (!std::exchange(active_, false))
        return false;
    const bool was_alone = alone();
    if (const auto lifted = std::exchange(lifted_, std::nullopt))
        table_.planted().put_back(*lifted);
    if (PageGuard* const guard = std::exchange(opened_, nullptr))
        guard->close();
    if (was_alone)
        coordinator_.resume_others();
    return true;
}

}  // namespace ringside::debug
