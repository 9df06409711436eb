#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

Result<void> ExitRegisters::fetch() {
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

}  // namespace ringside::debug
