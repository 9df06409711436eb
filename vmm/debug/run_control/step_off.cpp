#include "vmm/debug/run_control/step_off.h"

#include <utility>

namespace ringside::debug {

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

bool StepOff::end() {
    if (!std::exchange(active_, false))
        return false;
    if (lifted_) {
        table_.planted().put_back(*lifted_);
        coordinator_.resume_others(vcpu_);
    }
    return true;
}

}  // namespace ringside::debug
