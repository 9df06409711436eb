#include "arch/x86_64/vmcs_of_state.h"

#include <algorithm>
#include <array>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/registers.h"
#include "arch/x86_64/vmx_controls.h"

namespace ringside::x86 {

namespace {

using enum VmcsField;

// As KVM writes a segment's access rights to the VMCS.
void set_rights_as_kvm(VmcsValues& fields) {
    constexpr std::uint64_t kAccessed = 1, kPresent = 1U << 7, kUnusable = 1U << 16;
    constexpr std::array kSegments{GuestEsAccessRights, GuestCsAccessRights, GuestSsAccessRights,
                                   GuestDsAccessRights, GuestFsAccessRights, GuestGsAccessRights,
                                   GuestTrAccessRights};
    for (const VmcsField field : kSegments) {
        if (const auto rights = fields.get(field))
            fields.set(field, (*rights & kPresent) != 0 ? *rights | kAccessed : kUnusable);
    }
    if (const auto rights = fields.get(GuestLdtrAccessRights); rights && (*rights & kPresent) == 0)
        fields.set(GuestLdtrAccessRights, kUnusable);
}

}  // namespace

VmcsValues guest_state_area(const GeneralRegisters& general, const SystemRegisters& system,
                            const DebugRegisters& debug) {
    VmcsValues vmcs;
    const auto segment = [&](const Segment& s, VmcsField selector, VmcsField base, VmcsField limit,
                             VmcsField rights) {
        vmcs.set(selector, s.selector);
        vmcs.set(base, s.base);
        vmcs.set(limit, s.limit);
        vmcs.set(rights, pack_attributes(s));
    };
    segment(system.es, GuestEsSelector, GuestEsBase, GuestEsLimit, GuestEsAccessRights);
    segment(system.cs, GuestCsSelector, GuestCsBase, GuestCsLimit, GuestCsAccessRights);
    segment(system.ss, GuestSsSelector, GuestSsBase, GuestSsLimit, GuestSsAccessRights);
    segment(system.ds, GuestDsSelector, GuestDsBase, GuestDsLimit, GuestDsAccessRights);
    segment(system.fs, GuestFsSelector, GuestFsBase, GuestFsLimit, GuestFsAccessRights);
    segment(system.gs, GuestGsSelector, GuestGsBase, GuestGsLimit, GuestGsAccessRights);
    segment(system.ldtr, GuestLdtrSelector, GuestLdtrBase, GuestLdtrLimit, GuestLdtrAccessRights);
    segment(system.tr, GuestTrSelector, GuestTrBase, GuestTrLimit, GuestTrAccessRights);
    vmcs.set(GuestGdtrBase, system.gdtr.base);
    vmcs.set(GuestGdtrLimit, system.gdtr.limit);
    vmcs.set(GuestIdtrBase, system.idtr.base);
    vmcs.set(GuestIdtrLimit, system.idtr.limit);
    vmcs.set(GuestCr0, system.cr0);
    vmcs.set(GuestCr3, system.cr3);
    vmcs.set(GuestCr4, system.cr4);
    vmcs.set(GuestIa32Efer, system.efer);
    vmcs.set(GuestDr7, debug.dr7);
    vmcs.set(GuestRsp, general.rsp);
    vmcs.set(GuestRip, general.rip);
    vmcs.set(GuestRflags, general.rflags);
    return vmcs;
}

std::span<const VmcsMsr> guest_state_msrs() {
    static constexpr std::array kMsrs{VmcsMsr{0x09e, GuestSmbase},
                                      VmcsMsr{0x174, GuestIa32SysenterCs},
                                      VmcsMsr{0x175, GuestIa32SysenterEsp},
                                      VmcsMsr{0x176, GuestIa32SysenterEip},
                                      VmcsMsr{0x1d9, GuestIa32Debugctl},
                                      VmcsMsr{0x277, GuestIa32Pat},
                                      VmcsMsr{0x38f, GuestIa32PerfGlobalCtrl},
                                      VmcsMsr{0xd90, GuestIa32Bndcfgs}};
    return kMsrs;
}

void set_exit_information(VmcsValues& vmcs, const HardwareExit& exit) {
    vmcs.set(ExitReason, exit.reason);
    vmcs.set(ExitQualification, exit.info1);
    vmcs.set(IdtVectoringInformation, exit.info2 & 0xffffffff);
    vmcs.set(VmExitInterruptionInformation, exit.intr_info);
    vmcs.set(VmExitInterruptionErrorCode, exit.error_code);
    if (exit.gpa)
        vmcs.set(GuestPhysicalAddress, exit.gpa->value);
}

std::vector<VmcsViolation> check_guest_state(VmcsValues fields) {
    set_rights_as_kvm(fields);
    const bool long_mode = (fields.get(GuestIa32Efer).value_or(0) & efer::kLma) != 0;
    fields.set(VmEntryControls, vmx::kEntryLoadEfer | (long_mode ? vmx::kEntryLongMode : 0));
    fields.set(PrimaryControls, vmx::kSecondaryControls);
    fields.set(SecondaryControls, vmx::kEnableEpt | vmx::kUnrestrictedGuest);
    constexpr std::uint64_t kEveryActivityState = 0x1c0;  // in IA32_VMX_MISC (SDM volume 3, A.6)
    VmxCapabilities any;
    any.misc = kEveryActivityState;
    any.cr0_fixed1 = any.cr4_fixed1 = ~std::uint64_t{0};
    auto broken = check_vmcs(fields, any);
    std::erase_if(broken, [](const VmcsViolation& rule) { return rule.stage != VmcsCheckStage::Guest; });
    return broken;
}

}  // namespace ringside::x86
