// CPUID as KVM lists it: what KVM supports, and what one vCPU was given.
#pragma once

#include <vector>

#include "vmm/base/error.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::kvm {

using CpuidList = std::vector<kvm_cpuid_entry2>;

// Returns true if the leaf has subleaves, and `entry` is the one of its index.
inline bool is_subleaf(const kvm_cpuid_entry2& entry) {
    return (entry.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0;
}

// `request` is KVM_GET_SUPPORTED_CPUID, or any other that fills a kvm_cpuid2; `name` is its name.
Result<CpuidList> cpuid_list(int fd, unsigned long request, const char* name);

}  // namespace ringside::kvm
