#include "arch/x86_64/vmcs_check.h"

#include <array>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/vmcs_checker.h"
#include "arch/x86_64/vmx_controls.h"

namespace ringside::x86 {

using enum VmcsField;

std::span<const VmxCapabilityMsr> vmx_capability_msrs() {
    // The "true" MSRs of the controls (A.3.1 to A.5), which every processor with EPT has.
    static constexpr std::array kMsrs{VmxCapabilityMsr{0x48d, &VmxCapabilities::pin_based},
                                      VmxCapabilityMsr{0x48e, &VmxCapabilities::primary},
                                      VmxCapabilityMsr{0x48b, &VmxCapabilities::secondary},
                                      VmxCapabilityMsr{0x48f, &VmxCapabilities::vm_exit},
                                      VmxCapabilityMsr{0x490, &VmxCapabilities::vm_entry},
                                      VmxCapabilityMsr{0x486, &VmxCapabilities::cr0_fixed0},
                                      VmxCapabilityMsr{0x487, &VmxCapabilities::cr0_fixed1},
                                      VmxCapabilityMsr{0x488, &VmxCapabilities::cr4_fixed0},
                                      VmxCapabilityMsr{0x489, &VmxCapabilities::cr4_fixed1},
                                      VmxCapabilityMsr{0x485, &VmxCapabilities::misc},
                                      VmxCapabilityMsr{0x48c, &VmxCapabilities::ept_vpid}};
    return kMsrs;
}

std::string_view outcome(VmcsCheckStage stage) {
    switch (stage) {
        case VmcsCheckStage::Controls:
            return "VM-instruction error 7: invalid control fields";
        case VmcsCheckStage::Host:
            return "VM-instruction error 8: invalid host-state fields";
        case VmcsCheckStage::Guest:
            break;
    }
    return "a VM exit with reason 33: invalid guest state";
}

std::vector<VmcsViolation> check_vmcs(const VmcsValues& vmcs, const VmxCapabilities& processor) {
    return VmcsChecker(vmcs, processor).run();
}

std::vector<VmcsViolation> VmcsChecker::run() && {
    check_execution_controls();
    check_apic_virtualization();
    check_ept();
    check_exit_controls();
    check_entry_controls();
    check_injection();
    check_host_registers();
    check_host_segments();
    check_address_space_size();
    check_guest_registers();
    check_segments();
    check_descriptor_tables();
    check_rip_and_rflags();
    check_non_register_state();
    return std::move(found_);
}

bool VmcsChecker::secondary(std::uint64_t bits) const {
    return has(PrimaryControls, vmx::kSecondaryControls) && has(SecondaryControls, bits);
}

bool VmcsChecker::long_mode_guest() const {
    return has(VmEntryControls, vmx::kEntryLongMode);
}

bool VmcsChecker::virtual_8086() const {
    return has(GuestRflags, rflags::kVm);
}

bool VmcsChecker::unrestricted() const {
    return secondary(vmx::kUnrestrictedGuest);
}

void VmcsChecker::require_allowed(VmcsField field, std::uint64_t capability) {
    const std::uint64_t must = capability & 0xffffffff, may = capability >> 32;
    require((get(field) & must) == must, field, "lacks a bit that must be 1 on this processor");
    require((get(field) & ~may) == 0, field, "has a bit that this processor does not support");
}

void VmcsChecker::require_canonical(VmcsField field) {
    const auto value = static_cast<std::int64_t>(get(field));
    require(value << 16 >> 16 == value, field, "must be canonical");
}

void VmcsChecker::require_physical(VmcsField field, std::uint64_t alignment) {
    require(get(field) % alignment == 0, field, "is not aligned");
    require(get(field) >> cpu_.physical_address_bits == 0, field,
            "is beyond the processor's physical-address width");
}

void VmcsChecker::require_msr_list(VmcsField count, VmcsField address) {
    if (get(count) != 0)
        require_physical(address, 16);
}

// Eight memory types of 3 bits in a byte each; 2 and 3 are none.
void VmcsChecker::require_pat(VmcsField field) {
    bool valid = true;
    for (unsigned i = 0; i < 8; ++i) {
        const std::uint64_t type = get(field) >> (8 * i) & 0xff;
        valid = valid && type <= 7 && type != 2 && type != 3;
    }
    require(valid, field, "has a byte that is not a memory type");
}

void VmcsChecker::require_fixed(VmcsField field, std::uint64_t fixed0, std::uint64_t fixed1) {
    require((get(field) & fixed0) == fixed0, field, "lacks a bit that is fixed to 1 in VMX operation");
    require((get(field) & ~fixed1) == 0, field, "has a bit that is fixed to 0 in VMX operation");
}

}  // namespace ringside::x86
