// A step of the guest's guest (L2) that leads to the guest (L1), its hypervisor.
//
// KVM's exit from L2 to L1 does not expect to be single-stepped. On SVM it takes the step's TF for L1's own and has a #DB
// wait for L1, behind VMRUN, where L1 still has L2's task register: L1 shuts down (seen with Linux 6.1). On VMX the step's TF
// stays in the RFLAGS of L2 in L1's VMCS, or its #DB is pending there, and L2 gets a #DB at its next entry.
#pragma once

#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

// Removes both. The vCPU is in L1, where KVM_RUN has returned (watch_inner_exits()). `own_trap_flag`: L2 has set TF itself.
Result<void> forget_inner_step(kvm::VcpuPort& vcpu, bool own_trap_flag);

}  // namespace ringside::debug
