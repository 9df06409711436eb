#include "vmm/debug/run_control/entry_needs.h"

namespace ringside::debug {

bool EntryNeeds::stepping() const {
    return !action_.continues() || recording_.active() || stops_.traced().stepping() ||
           plan().needs_stepping() || context_.guest_stops.exchange || !context_.states.empty() ||
           context_.handlers.wants_steps(vcpu_);
}

bool EntryNeeds::blocks_interrupts() const {
    const bool client_steps = !action_.continues() && context_.block_interrupts;
    return (client_steps || recording_.blocks_interrupts() || step_off_.active()) &&
           !action_.lets_interrupts_in() && context_.abilities.step_blocks_interrupts;
}

kvm::SyncedState EntryNeeds::at_exit() const {
    if (must_step())
        return kvm::SyncedState::System;
    return stops_.passes_hits() ? kvm::SyncedState::Events : kvm::SyncedState::General;
}

}  // namespace ringside::debug
