#include "vmm/history/whole_state.h"

#include "arch/x86_64/control_bits.h"

namespace ringside::history {

// A hypervisor's VMCS or VMCB, and its own guest.
Result<void> check_whole(const snapshot::MachineImage& image) {
    for (std::uint32_t i = 0; i < image.vcpus(); ++i) {
        const auto& system = image.vcpu(VcpuIndex{i}).system;
        if ((system.cr4 & x86::cr4::kVmxe) != 0 || (system.efer & x86::efer::kSvme) != 0)
            return tl::unexpected<Error>(Error{"go back", "the guest is a hypervisor with VMX or SVM in use",
                                               0, VcpuIndex{i}, "That part of its state is not recorded"});
    }
    return {};
}

}  // namespace ringside::history
