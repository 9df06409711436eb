// The state in which a vCPU starts, beyond what a boot protocol says: boot MSRs, FPU, local APIC pins, run
// state.
#pragma once

#include "arch/x86_64/cpu_state.h"
#include "vmm/kvm/vcpu.h"

namespace ringside::machine {

// What every vCPU gets, before boot state. CPUID must be set: KVM answers MSR calls by it.
Result<void> set_up_common(kvm::Vcpu& vcpu);
// What the bootstrap processor gets on top.
Result<void> set_up_boot_vcpu(kvm::Vcpu& vcpu, const x86::GeneralRegisters& general,
                              const x86::SystemRegisters& system);
// The other processors wait for INIT and SIPI from the guest.
Result<void> set_up_application_vcpu(kvm::Vcpu& vcpu);

}  // namespace ringside::machine
