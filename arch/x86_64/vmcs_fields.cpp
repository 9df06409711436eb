#include "arch/x86_64/vmcs_fields.h"

#include <algorithm>
#include <array>
#include <utility>

#include "arch/x86_64/field_search.h"

namespace ringside::x86 {

namespace {

struct Named {
    VmcsField field;
    std::string_view name;
};

// SDM volume 3, appendix B.
constexpr auto kNames = std::to_array<Named>({
    {VmcsField::Vpid, "VPID"},
    {VmcsField::PostedInterruptVector, "POSTED_INTERRUPT_VECTOR"},
    {VmcsField::EptpIndex, "EPTP_INDEX"},
    {VmcsField::GuestEsSelector, "GUEST_ES_SELECTOR"},
    {VmcsField::GuestCsSelector, "GUEST_CS_SELECTOR"},
    {VmcsField::GuestSsSelector, "GUEST_SS_SELECTOR"},
    {VmcsField::GuestDsSelector, "GUEST_DS_SELECTOR"},
    {VmcsField::GuestFsSelector, "GUEST_FS_SELECTOR"},
    {VmcsField::GuestGsSelector, "GUEST_GS_SELECTOR"},
    {VmcsField::GuestLdtrSelector, "GUEST_LDTR_SELECTOR"},
    {VmcsField::GuestTrSelector, "GUEST_TR_SELECTOR"},
    {VmcsField::GuestInterruptStatus, "GUEST_INTERRUPT_STATUS"},
    {VmcsField::PmlIndex, "PML_INDEX"},
    {VmcsField::HostEsSelector, "HOST_ES_SELECTOR"},
    {VmcsField::HostCsSelector, "HOST_CS_SELECTOR"},
    {VmcsField::HostSsSelector, "HOST_SS_SELECTOR"},
    {VmcsField::HostDsSelector, "HOST_DS_SELECTOR"},
    {VmcsField::HostFsSelector, "HOST_FS_SELECTOR"},
    {VmcsField::HostGsSelector, "HOST_GS_SELECTOR"},
    {VmcsField::HostTrSelector, "HOST_TR_SELECTOR"},
    {VmcsField::IoBitmapA, "IO_BITMAP_A"},
    {VmcsField::IoBitmapB, "IO_BITMAP_B"},
    {VmcsField::MsrBitmaps, "MSR_BITMAPS"},
    {VmcsField::VmExitMsrStoreAddress, "VM_EXIT_MSR_STORE_ADDRESS"},
    {VmcsField::VmExitMsrLoadAddress, "VM_EXIT_MSR_LOAD_ADDRESS"},
    {VmcsField::VmEntryMsrLoadAddress, "VM_ENTRY_MSR_LOAD_ADDRESS"},
    {VmcsField::ExecutiveVmcsPointer, "EXECUTIVE_VMCS_POINTER"},
    {VmcsField::PmlAddress, "PML_ADDRESS"},
    {VmcsField::TscOffset, "TSC_OFFSET"},
    {VmcsField::VirtualApicAddress, "VIRTUAL_APIC_ADDRESS"},
    {VmcsField::ApicAccessAddress, "APIC_ACCESS_ADDRESS"},
    {VmcsField::PostedInterruptDescriptor, "POSTED_INTERRUPT_DESCRIPTOR"},
    {VmcsField::VmFunctionControls, "VM_FUNCTION_CONTROLS"},
    {VmcsField::EptPointer, "EPT_POINTER"},
    {VmcsField::EoiExitBitmap0, "EOI_EXIT_BITMAP_0"},
    {VmcsField::EoiExitBitmap1, "EOI_EXIT_BITMAP_1"},
    {VmcsField::EoiExitBitmap2, "EOI_EXIT_BITMAP_2"},
    {VmcsField::EoiExitBitmap3, "EOI_EXIT_BITMAP_3"},
    {VmcsField::EptpListAddress, "EPTP_LIST_ADDRESS"},
    {VmcsField::VmreadBitmap, "VMREAD_BITMAP"},
    {VmcsField::VmwriteBitmap, "VMWRITE_BITMAP"},
    {VmcsField::VeInformationAddress, "VE_INFORMATION_ADDRESS"},
    {VmcsField::XssExitingBitmap, "XSS_EXITING_BITMAP"},
    {VmcsField::EnclsExitingBitmap, "ENCLS_EXITING_BITMAP"},
    {VmcsField::SppTablePointer, "SPP_TABLE_POINTER"},
    {VmcsField::TscMultiplier, "TSC_MULTIPLIER"},
    {VmcsField::TertiaryControls, "TERTIARY_CONTROLS"},
    {VmcsField::EnclvExitingBitmap, "ENCLV_EXITING_BITMAP"},
    {VmcsField::GuestPhysicalAddress, "GUEST_PHYSICAL_ADDRESS"},
    {VmcsField::VmcsLinkPointer, "VMCS_LINK_POINTER"},
    {VmcsField::GuestIa32Debugctl, "GUEST_IA32_DEBUGCTL"},
    {VmcsField::GuestIa32Pat, "GUEST_IA32_PAT"},
    {VmcsField::GuestIa32Efer, "GUEST_IA32_EFER"},
    {VmcsField::GuestIa32PerfGlobalCtrl, "GUEST_IA32_PERF_GLOBAL_CTRL"},
    {VmcsField::GuestPdpte0, "GUEST_PDPTE0"},
    {VmcsField::GuestPdpte1, "GUEST_PDPTE1"},
    {VmcsField::GuestPdpte2, "GUEST_PDPTE2"},
    {VmcsField::GuestPdpte3, "GUEST_PDPTE3"},
    {VmcsField::GuestIa32Bndcfgs, "GUEST_IA32_BNDCFGS"},
    {VmcsField::GuestIa32RtitCtl, "GUEST_IA32_RTIT_CTL"},
    {VmcsField::GuestIa32LbrCtl, "GUEST_IA32_LBR_CTL"},
    {VmcsField::GuestIa32Pkrs, "GUEST_IA32_PKRS"},
    {VmcsField::HostIa32Pat, "HOST_IA32_PAT"},
    {VmcsField::HostIa32Efer, "HOST_IA32_EFER"},
    {VmcsField::HostIa32PerfGlobalCtrl, "HOST_IA32_PERF_GLOBAL_CTRL"},
    {VmcsField::HostIa32Pkrs, "HOST_IA32_PKRS"},
    {VmcsField::PinBasedControls, "PIN_BASED_CONTROLS"},
    {VmcsField::PrimaryControls, "PRIMARY_CONTROLS"},
    {VmcsField::ExceptionBitmap, "EXCEPTION_BITMAP"},
    {VmcsField::PageFaultErrorCodeMask, "PAGE_FAULT_ERROR_CODE_MASK"},
    {VmcsField::PageFaultErrorCodeMatch, "PAGE_FAULT_ERROR_CODE_MATCH"},
    {VmcsField::Cr3TargetCount, "CR3_TARGET_COUNT"},
    {VmcsField::VmExitControls, "VM_EXIT_CONTROLS"},
    {VmcsField::VmExitMsrStoreCount, "VM_EXIT_MSR_STORE_COUNT"},
    {VmcsField::VmExitMsrLoadCount, "VM_EXIT_MSR_LOAD_COUNT"},
    {VmcsField::VmEntryControls, "VM_ENTRY_CONTROLS"},
    {VmcsField::VmEntryMsrLoadCount, "VM_ENTRY_MSR_LOAD_COUNT"},
    {VmcsField::VmEntryInterruptionInformation, "VM_ENTRY_INTERRUPTION_INFORMATION"},
    {VmcsField::VmEntryExceptionErrorCode, "VM_ENTRY_EXCEPTION_ERROR_CODE"},
    {VmcsField::VmEntryInstructionLength, "VM_ENTRY_INSTRUCTION_LENGTH"},
    {VmcsField::TprThreshold, "TPR_THRESHOLD"},
    {VmcsField::SecondaryControls, "SECONDARY_CONTROLS"},
    {VmcsField::PleGap, "PLE_GAP"},
    {VmcsField::PleWindow, "PLE_WINDOW"},
    {VmcsField::VmInstructionError, "VM_INSTRUCTION_ERROR"},
    {VmcsField::ExitReason, "EXIT_REASON"},
    {VmcsField::VmExitInterruptionInformation, "VM_EXIT_INTERRUPTION_INFORMATION"},
    {VmcsField::VmExitInterruptionErrorCode, "VM_EXIT_INTERRUPTION_ERROR_CODE"},
    {VmcsField::IdtVectoringInformation, "IDT_VECTORING_INFORMATION"},
    {VmcsField::IdtVectoringErrorCode, "IDT_VECTORING_ERROR_CODE"},
    {VmcsField::VmExitInstructionLength, "VM_EXIT_INSTRUCTION_LENGTH"},
    {VmcsField::VmExitInstructionInformation, "VM_EXIT_INSTRUCTION_INFORMATION"},
    {VmcsField::GuestEsLimit, "GUEST_ES_LIMIT"},
    {VmcsField::GuestCsLimit, "GUEST_CS_LIMIT"},
    {VmcsField::GuestSsLimit, "GUEST_SS_LIMIT"},
    {VmcsField::GuestDsLimit, "GUEST_DS_LIMIT"},
    {VmcsField::GuestFsLimit, "GUEST_FS_LIMIT"},
    {VmcsField::GuestGsLimit, "GUEST_GS_LIMIT"},
    {VmcsField::GuestLdtrLimit, "GUEST_LDTR_LIMIT"},
    {VmcsField::GuestTrLimit, "GUEST_TR_LIMIT"},
    {VmcsField::GuestGdtrLimit, "GUEST_GDTR_LIMIT"},
    {VmcsField::GuestIdtrLimit, "GUEST_IDTR_LIMIT"},
    {VmcsField::GuestEsAccessRights, "GUEST_ES_ACCESS_RIGHTS"},
    {VmcsField::GuestCsAccessRights, "GUEST_CS_ACCESS_RIGHTS"},
    {VmcsField::GuestSsAccessRights, "GUEST_SS_ACCESS_RIGHTS"},
    {VmcsField::GuestDsAccessRights, "GUEST_DS_ACCESS_RIGHTS"},
    {VmcsField::GuestFsAccessRights, "GUEST_FS_ACCESS_RIGHTS"},
    {VmcsField::GuestGsAccessRights, "GUEST_GS_ACCESS_RIGHTS"},
    {VmcsField::GuestLdtrAccessRights, "GUEST_LDTR_ACCESS_RIGHTS"},
    {VmcsField::GuestTrAccessRights, "GUEST_TR_ACCESS_RIGHTS"},
    {VmcsField::GuestInterruptibilityState, "GUEST_INTERRUPTIBILITY_STATE"},
    {VmcsField::GuestActivityState, "GUEST_ACTIVITY_STATE"},
    {VmcsField::GuestSmbase, "GUEST_SMBASE"},
    {VmcsField::GuestIa32SysenterCs, "GUEST_IA32_SYSENTER_CS"},
    {VmcsField::VmxPreemptionTimerValue, "VMX_PREEMPTION_TIMER_VALUE"},
    {VmcsField::HostIa32SysenterCs, "HOST_IA32_SYSENTER_CS"},
    {VmcsField::Cr0GuestHostMask, "CR0_GUEST_HOST_MASK"},
    {VmcsField::Cr4GuestHostMask, "CR4_GUEST_HOST_MASK"},
    {VmcsField::Cr0ReadShadow, "CR0_READ_SHADOW"},
    {VmcsField::Cr4ReadShadow, "CR4_READ_SHADOW"},
    {VmcsField::Cr3TargetValue0, "CR3_TARGET_VALUE_0"},
    {VmcsField::Cr3TargetValue1, "CR3_TARGET_VALUE_1"},
    {VmcsField::Cr3TargetValue2, "CR3_TARGET_VALUE_2"},
    {VmcsField::Cr3TargetValue3, "CR3_TARGET_VALUE_3"},
    {VmcsField::ExitQualification, "EXIT_QUALIFICATION"},
    {VmcsField::IoRcx, "IO_RCX"},
    {VmcsField::IoRsi, "IO_RSI"},
    {VmcsField::IoRdi, "IO_RDI"},
    {VmcsField::IoRip, "IO_RIP"},
    {VmcsField::GuestLinearAddress, "GUEST_LINEAR_ADDRESS"},
    {VmcsField::GuestCr0, "GUEST_CR0"},
    {VmcsField::GuestCr3, "GUEST_CR3"},
    {VmcsField::GuestCr4, "GUEST_CR4"},
    {VmcsField::GuestEsBase, "GUEST_ES_BASE"},
    {VmcsField::GuestCsBase, "GUEST_CS_BASE"},
    {VmcsField::GuestSsBase, "GUEST_SS_BASE"},
    {VmcsField::GuestDsBase, "GUEST_DS_BASE"},
    {VmcsField::GuestFsBase, "GUEST_FS_BASE"},
    {VmcsField::GuestGsBase, "GUEST_GS_BASE"},
    {VmcsField::GuestLdtrBase, "GUEST_LDTR_BASE"},
    {VmcsField::GuestTrBase, "GUEST_TR_BASE"},
    {VmcsField::GuestGdtrBase, "GUEST_GDTR_BASE"},
    {VmcsField::GuestIdtrBase, "GUEST_IDTR_BASE"},
    {VmcsField::GuestDr7, "GUEST_DR7"},
    {VmcsField::GuestRsp, "GUEST_RSP"},
    {VmcsField::GuestRip, "GUEST_RIP"},
    {VmcsField::GuestRflags, "GUEST_RFLAGS"},
    {VmcsField::GuestPendingDebugExceptions, "GUEST_PENDING_DEBUG_EXCEPTIONS"},
    {VmcsField::GuestIa32SysenterEsp, "GUEST_IA32_SYSENTER_ESP"},
    {VmcsField::GuestIa32SysenterEip, "GUEST_IA32_SYSENTER_EIP"},
    {VmcsField::GuestIa32SCet, "GUEST_IA32_S_CET"},
    {VmcsField::GuestSsp, "GUEST_SSP"},
    {VmcsField::GuestIa32InterruptSspTableAddr, "GUEST_IA32_INTERRUPT_SSP_TABLE_ADDR"},
    {VmcsField::HostCr0, "HOST_CR0"},
    {VmcsField::HostCr3, "HOST_CR3"},
    {VmcsField::HostCr4, "HOST_CR4"},
    {VmcsField::HostFsBase, "HOST_FS_BASE"},
    {VmcsField::HostGsBase, "HOST_GS_BASE"},
    {VmcsField::HostTrBase, "HOST_TR_BASE"},
    {VmcsField::HostGdtrBase, "HOST_GDTR_BASE"},
    {VmcsField::HostIdtrBase, "HOST_IDTR_BASE"},
    {VmcsField::HostIa32SysenterEsp, "HOST_IA32_SYSENTER_ESP"},
    {VmcsField::HostIa32SysenterEip, "HOST_IA32_SYSENTER_EIP"},
    {VmcsField::HostRsp, "HOST_RSP"},
    {VmcsField::HostRip, "HOST_RIP"},
    {VmcsField::HostIa32SCet, "HOST_IA32_S_CET"},
    {VmcsField::HostSsp, "HOST_SSP"},
    {VmcsField::HostIa32InterruptSspTableAddr, "HOST_IA32_INTERRUPT_SSP_TABLE_ADDR"},
});
static_assert(std::ranges::is_sorted(kNames, {}, &Named::field));

constexpr auto kFields = [] {
    std::array<VmcsField, kNames.size()> fields{};
    std::ranges::transform(kNames, fields.begin(), &Named::field);
    return fields;
}();

std::optional<VmcsField> field_of_encoding(std::string_view text) {
    const auto value = field_number(text);
    if (!value || name(VmcsField{*value}).empty())
        return std::nullopt;
    return VmcsField{*value};
}

}  // namespace

std::string_view name(VmcsGroup group) {
    constexpr std::array<std::string_view, 4> kGroups{"control fields", "exit-information fields",
                                                      "guest-state area", "host-state area"};
    return kGroups[static_cast<std::size_t>(group)];
}

std::span<const VmcsField> vmcs_fields() {
    return kFields;
}

std::string_view name(VmcsField field) {
    const auto* found = std::ranges::lower_bound(kNames, field, {}, &Named::field);
    return found == kNames.end() || found->field != field ? std::string_view{} : found->name;
}

std::optional<VmcsField> find_vmcs_field(std::string_view text) {
    if (const auto field = field_of_encoding(text))
        return field;
    const auto* found = std::ranges::find(kNames, upper(text), &Named::name);
    return found == kNames.end() ? std::nullopt : std::optional(found->field);
}

std::vector<VmcsField> match_vmcs_fields(std::string_view text) {
    if (const auto field = find_vmcs_field(text))
        return {*field};
    std::vector<VmcsField> fields;
    const std::string part = upper(text);
    for (const Named& row : kNames) {
        if (row.name.find(part) != std::string_view::npos)
            fields.push_back(row.field);
    }
    return fields;
}

}  // namespace ringside::x86
