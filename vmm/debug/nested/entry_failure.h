// Why a VM entry of a guest that is a hypervisor has failed.
#pragma once

#include <string>
#include <string_view>

#include "vmm/kvm/vcpu_port.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::debug {

// Returns true if the vCPU runs the guest's guest (L2), or will at its next entry. On the vCPU's thread.
Result<bool> runs_inner_guest(kvm::VcpuPort& port);

// What a report of a failed VM entry begins with.
inline constexpr std::string_view kEntryHasFailed = "L1's VM entry has failed: ";

// A vCPU's VMLAUNCH, VMRESUME or VMRUN has just failed: says how, and which rules of the manual the VMCS or VMCB
// breaks, in one line. `kvm_says` is the check that KVM itself has named, or empty. On the vCPU's thread.
std::string describe_entry_failure(kvm::VcpuPort& port, const machine::GuestMemory& memory,
                                   unsigned physical_address_bits, std::string_view kvm_says);

}  // namespace ringside::debug
