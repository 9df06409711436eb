#include "vmm/debug/guest/registers_now.h"

namespace ringside::debug {

Result<RegistersNow> registers_now(machine::VcpuThread& vcpu) {
    return vcpu.call([](kvm::VcpuPort& port) -> Result<RegistersNow> {
        RINGSIDE_TRY_ASSIGN(general, port.general());
        RINGSIDE_TRY_ASSIGN(system, port.system());
        return RegistersNow{general, system};
    });
}

}  // namespace ringside::debug
