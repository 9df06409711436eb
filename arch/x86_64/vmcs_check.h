// The checks by which a processor decides if it enters the guest of a VMCS: those of VM entry, by rule (SDM volume 3,
// 27.2 and 27.3), on values alone. What needs memory is not checked: bitmaps, MSR lists, the page at the VMCS link
// pointer, and the virtual TPR.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "arch/x86_64/vmcs_fields.h"

namespace ringside::x86 {

// A processor's capabilities, from its MSRs (SDM volume 3, appendix A). The low half of a control's MSR has the bits
// that must be 1, the high half those that may be.
struct VmxCapabilities {
    std::uint64_t pin_based = 0, primary = 0, secondary = 0, vm_exit = 0, vm_entry = 0;
    std::uint64_t cr0_fixed0 = 0, cr0_fixed1 = 0, cr4_fixed0 = 0, cr4_fixed1 = 0;
    std::uint64_t misc = 0, ept_vpid = 0;
    unsigned physical_address_bits = 52;
    bool in_long_mode = true;  // the hypervisor is, at VM entry
};

// The MSRs from which a VmxCapabilities is made, and the member for each.
struct VmxCapabilityMsr {
    std::uint32_t index;
    std::uint64_t VmxCapabilities::*member;
};
std::span<const VmxCapabilityMsr> vmx_capability_msrs();

// The stages of VM entry, and how a processor reports a rule that is broken in each.
enum class VmcsCheckStage : std::uint8_t {
    Controls,  // VM-instruction error 7
    Host,      // VM-instruction error 8
    Guest,     // a VM exit with reason 33
};
// "VM-instruction error 7 (...)"
std::string_view outcome(VmcsCheckStage stage);

struct VmcsViolation {
    VmcsCheckStage stage;
    VmcsField field;
    std::string_view rule;     // "must be canonical"
    std::string_view section;  // "27.2.3"
};

// Every broken rule, in the order of the stages: a processor reports those of the first stage that has any. A
// field that is not known breaks no rule.
std::vector<VmcsViolation> check_vmcs(const VmcsValues& vmcs, const VmxCapabilities& processor);

}  // namespace ringside::x86
