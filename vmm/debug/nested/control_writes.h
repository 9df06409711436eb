// Writing to the control structure of a guest that is a hypervisor.
#pragma once

#include <span>
#include <vector>

#include "arch/x86_64/vmcb.h"
#include "arch/x86_64/vmcs_fields.h"
#include "vmm/base/error.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

// Writes one field of the current VMCS, as VMWRITE would, and reads it back. Fails while L2 runs: KVM would have to
// leave L2, and load the MSRs that L1 has at a VM exit. On the vCPU's thread.
Result<void> write_vmcs_field(kvm::VcpuPort& port, x86::VmcsField field, std::uint64_t value);

// Writes one field of a VMCB, and marks everything in it as changed: with a clean bit set, a processor may continue to
// use the value that it has cached.
Result<void> write_vmcb_field(std::span<std::byte> image, const x86::VmcbField& field, std::uint64_t value);

}  // namespace ringside::debug
