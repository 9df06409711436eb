// A machine's KVM objects: a VM with its vCPUs, over its own guest memory. A restart creates new hardware, so that
// nothing remains of what KVM kept for the old guest.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/kvm/dirty_ring.h"
#include "vmm/kvm/system.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine/cpuid.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::machine {

// Members are destroyed from last to first: the memory must outlive the VM.
struct Hardware {
    GuestMemory memory;
    kvm::Vm vm;
    CpuFeatures features;
    std::vector<std::unique_ptr<kvm::Vcpu>> vcpus;
    std::vector<kvm::DirtyRing> rings;  // one for each vCPU, or none if this KVM has none

    // Puts vCPU 0 into its boot state and the others into wait-for-SIPI.
    Result<void> set_boot_state(const x86::GeneralRegisters&, const x86::SystemRegisters&);
};

// Creates VM, irqchip, PIT, memory slots and vCPUs.
Result<Hardware> make_hardware(const kvm::System& system, GuestMemory memory, std::uint32_t vcpus);

}  // namespace ringside::machine
