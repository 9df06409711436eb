#include "vmm/debug/guest/registers_now.h"

namespace ringside::debug {

Result<RegistersNow> registers_now(machine::VcpuThread& vcpu) {
    return vcpu.call([](kvm::VcpuPort& port) -> Result<RegistersNow> {
        auto general = TRY(port.general());
        auto system = TRY(port.system());
        return RegistersNow{general, system};
    });
}

}  // namespace ringside::debug
