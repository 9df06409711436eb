// Shared by the files of check_vmcs(). Not for other code.
#pragma once

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/vmcs_check.h"

namespace ringside::x86 {

// Of guest and host alike.
inline constexpr std::uint64_t kVmcsEferBits = efer::kSce | efer::kLme | efer::kLma | efer::kNxe;
inline constexpr std::uint64_t kVmcsUpperHalf = 0xffffffff00000000;

class VmcsChecker {
  public:
    VmcsChecker(const VmcsValues& vmcs, const VmxCapabilities& processor) : vmcs_(vmcs), cpu_(processor) {}

    std::vector<VmcsViolation> run() &&;

  private:
    // vmcs_check_controls.cpp
    void check_execution_controls();
    void check_apic_virtualization();
    void check_ept();
    void check_exit_controls();
    void check_entry_controls();
    void check_injection();
    // vmcs_check_host.cpp
    void check_host_registers();
    void check_host_segments();
    void check_address_space_size();
    // vmcs_check_guest.cpp
    void check_guest_registers();
    void check_descriptor_tables();
    void check_rip_and_rflags();
    void check_non_register_state();
    // vmcs_check_segments.cpp
    void check_segments();
    void check_virtual_8086_segments();
    void check_code_segment();
    void check_data_segments();
    void check_system_segments();

    // Of a field that is not known: 0, but then require() does nothing.
    std::uint64_t get(VmcsField field) const { return vmcs_.get(field).value_or(0); }
    bool has(VmcsField field, std::uint64_t bits) const { return (get(field) & bits) != 0; }
    bool secondary(std::uint64_t bits) const;
    bool long_mode_guest() const;
    bool virtual_8086() const;
    bool unrestricted() const;

    void begin(VmcsCheckStage stage, std::string_view section) { stage_ = stage, section_ = section; }
    void require(bool holds, VmcsField field, std::string_view rule) {
        if (!holds && vmcs_.get(field))
            found_.push_back({stage_, field, rule, section_});
    }
    void require_allowed(VmcsField field, std::uint64_t capability);
    void require_canonical(VmcsField field);
    void require_physical(VmcsField field, std::uint64_t alignment);
    void require_msr_list(VmcsField count, VmcsField address);
    void require_pat(VmcsField field);
    void require_fixed(VmcsField field, std::uint64_t fixed0, std::uint64_t fixed1);

    const VmcsValues& vmcs_;
    const VmxCapabilities& cpu_;
    VmcsCheckStage stage_ = VmcsCheckStage::Controls;
    std::string_view section_;
    std::vector<VmcsViolation> found_;
};

}  // namespace ringside::x86
