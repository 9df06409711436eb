// The initial state of a vCPU, apart from what a boot protocol specifies: boot MSRs, FPU, local APIC pins and
// multiprocessing state.
#pragma once

#include "arch/x86_64/cpu_state.h"
#include "vmm/kvm/vcpu.h"

namespace ringside::machine {

// Sets up any vCPU, before its boot state. CPUID must be set first, because KVM answers MSR ioctls according
// to it.
Result<void> set_up_common(kvm::Vcpu& vcpu);
// Sets up the bootstrap processor in addition.
Result<void> set_up_boot_vcpu(kvm::VcpuPort& vcpu, const x86::GeneralRegisters& general,
                              const x86::SystemRegisters& system);
// Makes another processor wait for INIT and SIPI from the guest.
Result<void> set_up_application_vcpu(kvm::VcpuPort& vcpu);

}  // namespace ringside::machine
