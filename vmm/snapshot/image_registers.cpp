#include "vmm/snapshot/image_registers.h"

namespace ringside::snapshot {

x86::CpuState main_registers(const VcpuImage& image) {
    x86::CpuState state;
    state.general = kvm::from_kvm(image.general);
    state.system = kvm::from_kvm(image.system);
    return state;
}

x86::CpuState image_registers(const VcpuImage& image, const x86::XsaveLayout& layout) {
    x86::CpuState state = main_registers(image);
    state.debug = image.debug;
    state.xcr0 = image.xcr0;
    x86::read_xsave(image.xsave, layout, state.extended);
    return state;
}

}  // namespace ringside::snapshot
