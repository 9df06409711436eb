#include "vmm/debug/run_control/guest_debug_registers.h"

#include <utility>

#include "arch/x86_64/control_bits.h"
#include "vmm/debug/breakpoints/guest_slots.h"

namespace ringside::debug {

Result<bool> GuestDebugRegisters::look(const DebugPlan& plan) {
    if (known_ || abilities_.own_slots_fire || !plan.dr7.any_enabled())
        return false;
    auto own = TRY(read());
    known_ = own;
    SlotSetup both = SlotSetup::from(plan);
    const bool was_short = std::exchange(short_of_slots_, !add_guest_slots(both, *known_));
    return short_of_slots_ && !was_short;
}

Result<void> GuestDebugRegisters::share(SlotSetup& setup, bool exit_on_access) {
    if (!setup.uses_slots() || abilities_.own_slots_fire)
        return {};
    if (!known_) {
        auto own = TRY(read());
        known_ = own;
    }
    (void)add_guest_slots(setup, *known_);  // a slot that is used for a step may replace one of the guest's
    setup.dr7.set_general_detect(exit_on_access && abilities_.debug_register_exits);
    return {};
}

unsigned GuestDebugRegisters::hits(const SlotSetup& armed, x86::Dr6 dr6, x86::Dr7 dr7,
                                   std::uint64_t rflags) const {
    const bool shared = armed.uses_slots();
    const unsigned hits = dr6.hits(shared ? armed.dr7 : dr7);
    unsigned own = shared ? guest_hits(armed, hits) : hits;
    const bool resuming = dr6.single_step() && (rflags & x86::rflags::kRf) != 0;
    const bool hits_again = resuming || (shared && debugger_hits(armed, hits) != 0);
    if (shared && known_)
        dr7 = x86::Dr7::from_raw(known_->dr7);
    for (unsigned slot = 0; hits_again && slot < x86::kDebugSlots; ++slot) {
        if (dr7.condition(slot) == x86::DebugCondition::Execute)
            own &= ~(1U << slot);
    }
    return own;
}

Result<bool> GuestDebugRegisters::breaks_at(Gva address) const {
    auto own = TRY(read());
    const auto dr7 = x86::Dr7::from_raw(own.dr7);
    for (unsigned slot = 0; slot < x86::kDebugSlots; ++slot) {
        if (dr7.enabled(slot) && dr7.condition(slot) == x86::DebugCondition::Execute &&
            own.dr[slot] == address.value)
            return true;
    }
    return false;
}

}  // namespace ringside::debug
