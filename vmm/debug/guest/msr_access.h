// Single MSRs of a vCPU, and its CPUID, from a guest that is stopped or runs.
#pragma once

#include <optional>
#include <vector>

#include "vmm/machine/machine.h"

namespace ringside::debug {

// nullopt for an MSR that this host's KVM does not have.
Result<std::optional<std::uint64_t>> read_msr(machine::VcpuThread& vcpu, std::uint32_t index);
Result<void> write_msr(machine::VcpuThread& vcpu, std::uint32_t index, std::uint64_t value);

struct CpuidLeaf {
    std::uint32_t leaf = 0;
    std::optional<std::uint32_t> subleaf;  // none if the leaf has no subleaves
    std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// The vCPU's CPUID as set. If KVM does not intercept CPUID, the guest sees the host's.
Result<std::vector<CpuidLeaf>> cpuid_leaves(machine::VcpuThread& vcpu);

}  // namespace ringside::debug
