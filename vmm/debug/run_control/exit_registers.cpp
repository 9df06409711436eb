#include "vmm/debug/run_control/exit_registers.h"

#include "vmm/kvm/chips.h"

namespace ringside::debug {

Result<void> ExitRegisters::fetch() {
    has_events_ = vcpu_.has_synced_registers() && vcpu_.syncs_events();
    if (vcpu_.has_synced_registers() && vcpu_.syncs_system_registers()) {
        general = kvm::from_kvm(vcpu_.synced_registers());
        system = vcpu_.synced_system();
        return {};
    }
    auto now_general = TRY(vcpu_.general());
    auto now_system = TRY(vcpu_.system());
    general = now_general;
    system = now_system;
    return {};
}

Result<x86::PendingEvents> ExitRegisters::events() const {
    return kvm::from_kvm(has_events_ ? vcpu_.synced_events() : TRY(vcpu_.events()));
}

Result<void> ExitRegisters::store_general_at_entry() {
    if (!vcpu_.has_synced_registers())
        return store_general();
    vcpu_.set_general_at_entry(general);
    return {};
}

}  // namespace ringside::debug
