// The requests to a vCPU of the commands about hypervisors.
#pragma once

#include <functional>
#include <vector>

#include "arch/x86_64/vmcb_check.h"
#include "arch/x86_64/vmcs_check.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/kvm/nested_state.h"

namespace ringside::debug {

// Also while the guest runs: the vCPU is interrupted for this.
Result<kvm::NestedState> nested_state(Debugger& debugger, VcpuIndex vcpu);

// Calls `each` for each vCPU that has a VMCS or VMCB, with that one's address. Does nothing while the guest runs.
void for_each_control(Debugger& debugger, const std::function<void(VcpuIndex, Gpa control)>& each);

// The rules of VM entry that a VMCS breaks on this vCPU's processor, in this mode of the hypervisor (L1).
Result<std::vector<x86::VmcsViolation>> broken_rules(Debugger& debugger, VcpuIndex vcpu,
                                                     const x86::VmcsValues& vmcs);
// The same on the vCPU's thread.
Result<std::vector<x86::VmcsViolation>> broken_rules(kvm::VcpuPort& port, unsigned physical_address_bits,
                                                     const x86::VmcsValues& vmcs);

// The rules of VMRUN that a VMCB breaks on this vCPU's processor.
Result<std::vector<x86::VmcbViolation>> broken_rules(Debugger& debugger, VcpuIndex vcpu,
                                                     std::span<const std::byte> vmcb);
// The same on the vCPU's thread.
Result<std::vector<x86::VmcbViolation>> broken_rules(kvm::VcpuPort& port, unsigned physical_address_bits,
                                                     std::span<const std::byte> vmcb);

// The page of a VMCS or VMCB, as it is in the guest's memory.
Result<std::vector<std::byte>> read_control_page(const Debugger& debugger, Gpa address);

}  // namespace ringside::debug
