// CPUID as a vCPU sees it: the host's supported leaves, with what must differ per vCPU. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "arch/x86_64/xsave.h"
#include "vmm/base/ids.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::machine {

// Facts that the monitor needs from CPUID.
struct CpuFeatures {
    bool xsave = false;
    bool avx = false;
    bool avx512 = false;
    bool pkru = false;
    bool vmx_or_svm = false;  // the guest can be a hypervisor
    unsigned physical_address_bits = 36;
    x86::XsaveLayout xsave_layout;  // leaf 0xD: where KVM_GET_XSAVE puts each component
};

CpuFeatures features(const std::vector<kvm_cpuid_entry2>& entries);

// The leaves of one vCPU: APIC id in leaves 1, 0xB, 0x1F and 0x8000001E; logical-processor count and HTT; an
// SMT level and a core level in 0xB made here (newer kernels leave them out); the TSC-deadline timer and the
// hypervisor bit. The 0x40000000 leaves stay as the host made them, or kvmclock would be lost.
std::vector<kvm_cpuid_entry2> vcpu_cpuid(const std::vector<kvm_cpuid_entry2>& host, VcpuIndex vcpu,
                                         std::uint32_t vcpus, bool tsc_deadline);

}  // namespace ringside::machine
