#include "vmm/debug/run_control/armed_setup.h"

namespace ringside::debug {

Result<void> ArmedSetup::set(const SlotSetup& setup, std::uint32_t extra) {
    return vcpu_.set_guest_debug(setup.control | extra, setup.address, setup.dr7.raw());
}

Result<void> ArmedSetup::program(const SlotSetup& setup, bool force) {
    if (!force && setup == setup_)
        return {};
    TRY(set(setup, 0));
    setup_ = setup;
    return {};
}

Result<void> ArmedSetup::end_single_step() {
    SlotSetup without = setup_;
    without.control &= ~static_cast<std::uint32_t>(KVM_GUESTDBG_SINGLESTEP);
    return program(without, false);
}

Result<void> ArmedSetup::inject_debug_exception() {
    return set(setup_, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB);
}

Result<void> ArmedSetup::inject_breakpoint() {
    return set(setup_, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP);
}

}  // namespace ringside::debug
