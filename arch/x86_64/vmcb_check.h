// The checks by which VMRUN decides if it enters the guest of a VMCB, by rule (APM volume 2, 15.5.1), on values alone.
// Not checked: what SEV, AVIC and CET add.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "arch/x86_64/vmcb.h"

namespace ringside::x86 {

// A processor's capabilities: registers of CPUID (APM volume 3, appendix E), by leaf.
struct SvmProcessor {
    std::uint32_t ecx_1 = 0;
    std::uint32_t ebx_7 = 0, ecx_7 = 0;
    std::uint32_t ecx_80000001 = 0, edx_80000001 = 0;
    std::uint32_t edx_8000000a = 0;
    unsigned physical_address_bits = 52;
};

struct VmcbViolation {
    VmcbField field;
    std::uint64_t value = 0;
    std::string_view rule;     // "must not be 0"
    std::string_view section;  // "15.5.1"
};

// Every broken rule. The processor reports any of them as VMEXIT_INVALID, and does not say which.
std::vector<VmcbViolation> check_vmcb(std::span<const std::byte> image, const SvmProcessor& processor);

}  // namespace ringside::x86
