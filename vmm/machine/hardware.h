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

// How KVM names the pages that the guest writes: it offers one or the other for a VM's whole life.
enum class PageLog : std::uint8_t {
    Bitmap,  // KVM_GET_DIRTY_LOG
    Rings,   // KVM_CAP_DIRTY_LOG_RING, if this KVM has it: less work for each step of a recording
};

// Members are destroyed from last to first: the memory must outlive the VM.
struct Hardware {
    GuestMemory memory;
    kvm::Vm vm;
    CpuFeatures features;
    std::vector<std::unique_ptr<kvm::Vcpu>> vcpus;
    std::vector<kvm::DirtyRing> rings;  // one for each vCPU, or none

    // Puts vCPU 0 into its boot state and the others into wait-for-SIPI.
    Result<void> set_boot_state(const x86::GeneralRegisters&, const x86::SystemRegisters&);
};

// Creates VM, irqchip, PIT, memory slots and vCPUs.
Result<Hardware> make_hardware(const kvm::System& system, GuestMemory memory, std::uint32_t vcpus,
                               PageLog pages);

}  // namespace ringside::machine
