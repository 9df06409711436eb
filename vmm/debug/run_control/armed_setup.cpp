#include "vmm/debug/run_control/armed_setup.h"

namespace ringside::debug {

Result<void> ArmedSetup::set(const SlotSetup& setup, kvm::DebugControl control) {
    return vcpu_.set_guest_debug(control, setup.address, setup.dr7);
}

Result<void> ArmedSetup::program(const SlotSetup& setup, bool force) {
    if (!force && setup == setup_)
        return {};
    TRY(set(setup, setup.control));
    setup_ = setup;
    return {};
}

Result<void> ArmedSetup::end_single_step() {
    SlotSetup without = setup_;
    without.control.remove(kvm::DebugFeature::SingleStep);
    return program(without, false);
}

Result<void> ArmedSetup::inject_debug_exception() {
    auto control = setup_.control;
    control.add(kvm::DebugFeature::InjectDebugException);
    return set(setup_, control);
}

Result<void> ArmedSetup::inject_breakpoint() {
    auto control = setup_.control;
    control.add(kvm::DebugFeature::InjectBreakpoint);
    return set(setup_, control);
}

}  // namespace ringside::debug
