#include "vmm/history/recorded_state.h"

namespace ringside::history {

x86::CpuState recorded_registers(const snapshot::MachineImage& image) {
    x86::CpuState state;
    state.general = kvm::from_kvm(image.vcpu().general);
    state.system = kvm::from_kvm(image.vcpu().system);
    return state;
}

x86::CpuState recorded_state(const snapshot::MachineImage& image, const x86::XsaveLayout& layout) {
    x86::CpuState state = recorded_registers(image);
    state.debug = image.vcpu().debug;
    state.xcr0 = image.vcpu().xcr0;
    x86::read_xsave(image.vcpu().xsave, layout, state.extended);
    return state;
}

}  // namespace ringside::history
