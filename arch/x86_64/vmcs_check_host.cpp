// The host-state area (SDM volume 3, 27.2.2 to 27.2.4).
#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/vmcs_checker.h"
#include "arch/x86_64/vmx_controls.h"

namespace ringside::x86 {

using enum VmcsField;

void VmcsChecker::check_host_registers() {
    begin(VmcsCheckStage::Host, "27.2.2");
    require_fixed(HostCr0, cpu_.cr0_fixed0, cpu_.cr0_fixed1);
    require_fixed(HostCr4, cpu_.cr4_fixed0, cpu_.cr4_fixed1);
    require(get(HostCr3) >> cpu_.physical_address_bits == 0, HostCr3,
            "is beyond the processor's physical-address width");
    require_canonical(HostIa32SysenterEsp);
    require_canonical(HostIa32SysenterEip);
    if (has(VmExitControls, vmx::kExitLoadPat))
        require_pat(HostIa32Pat);
    if (!has(VmExitControls, vmx::kExitLoadEfer))
        return;
    const bool host_64 = has(VmExitControls, vmx::kExitHost64);
    require((get(HostIa32Efer) & ~kVmcsEferBits) == 0, HostIa32Efer, "has a reserved bit");
    require(has(HostIa32Efer, efer::kLma) == host_64 && has(HostIa32Efer, efer::kLme) == host_64,
            HostIa32Efer, "LMA and LME must be as the VM-exit control host-address-space-size");
}

void VmcsChecker::check_host_segments() {
    begin(VmcsCheckStage::Host, "27.2.3");
    for (const VmcsField selector : {HostEsSelector, HostCsSelector, HostSsSelector, HostDsSelector,
                                     HostFsSelector, HostGsSelector, HostTrSelector})
        require((get(selector) & 7) == 0, selector, "TI and RPL must be 0");
    require(get(HostCsSelector) != 0, HostCsSelector, "must not be 0");
    require(get(HostTrSelector) != 0, HostTrSelector, "must not be 0");
    require(get(HostSsSelector) != 0 || has(VmExitControls, vmx::kExitHost64), HostSsSelector,
            "must not be 0");
    for (const VmcsField base : {HostFsBase, HostGsBase, HostGdtrBase, HostIdtrBase, HostTrBase})
        require_canonical(base);
}

void VmcsChecker::check_address_space_size() {
    begin(VmcsCheckStage::Host, "27.2.4");
    const bool host_64 = has(VmExitControls, vmx::kExitHost64);
    require(host_64 == cpu_.in_long_mode, VmExitControls,
            "host-address-space-size must be 1 if and only if the processor is in IA-32e mode");
    if (host_64) {
        require(has(HostCr4, cr4::kPae), HostCr4, "PAE must be 1 for a 64-bit host");
        require_canonical(HostRip);
        return;
    }
    require(!long_mode_guest(), VmEntryControls, "an IA-32e-mode guest needs a 64-bit host");
    require(!has(HostCr4, cr4::kPcide), HostCr4, "PCIDE must be 0 for a 32-bit host");
    require((get(HostRip) & kVmcsUpperHalf) == 0, HostRip, "has bits above 31 for a 32-bit host");
}

}  // namespace ringside::x86
