// The control fields (SDM volume 3, 27.2.1).
#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/vmcs_checker.h"
#include "arch/x86_64/vmx_controls.h"
#include "arch/x86_64/vmx_events.h"

namespace ringside::x86 {

using enum VmcsField;

namespace {

constexpr std::uint64_t kPage = 0x1000;
constexpr std::uint64_t kMostCr3Targets = 4;

constexpr bool delivers_error_code(std::uint64_t vector) {
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

}  // namespace

void VmcsChecker::check_execution_controls() {
    begin(VmcsCheckStage::Controls, "27.2.1.1");
    require_allowed(PinBasedControls, cpu_.pin_based);
    require_allowed(PrimaryControls, cpu_.primary);
    if (has(PrimaryControls, vmx::kSecondaryControls))
        require_allowed(SecondaryControls, cpu_.secondary);
    require(get(Cr3TargetCount) <= kMostCr3Targets, Cr3TargetCount, "must not be above 4");
    if (has(PrimaryControls, vmx::kIoBitmaps)) {
        require_physical(IoBitmapA, kPage);
        require_physical(IoBitmapB, kPage);
    }
    if (has(PrimaryControls, vmx::kMsrBitmaps))
        require_physical(MsrBitmaps, kPage);
    require(has(PinBasedControls, vmx::kNmiExiting) || !has(PinBasedControls, vmx::kVirtualNmis),
            PinBasedControls, "virtual NMIs need NMI exiting");
    require(has(PinBasedControls, vmx::kVirtualNmis) || !has(PrimaryControls, vmx::kNmiWindow),
            PrimaryControls, "NMI-window exiting needs virtual NMIs");
    require(!secondary(vmx::kEnableVpid) || get(Vpid) != 0, Vpid, "must not be 0 while VPIDs are enabled");
}

void VmcsChecker::check_apic_virtualization() {
    if (has(PrimaryControls, vmx::kTprShadow)) {
        require_physical(VirtualApicAddress, kPage);
        require(secondary(vmx::kVirtualInterrupts) || get(TprThreshold) <= 0xf, TprThreshold,
                "must not be above 15");
    } else {
        require(!secondary(vmx::kVirtualizeX2apic | vmx::kApicRegisters | vmx::kVirtualInterrupts),
                SecondaryControls, "x2APIC, APIC-register and interrupt virtualization need the TPR shadow");
    }
    if (secondary(vmx::kVirtualizeApic)) {
        require_physical(ApicAccessAddress, kPage);
        require(!secondary(vmx::kVirtualizeX2apic), SecondaryControls,
                "APIC accesses and x2APIC mode cannot both be virtualized");
    }
    constexpr std::uint64_t kExternalInterruptExiting = 1;
    require(!secondary(vmx::kVirtualInterrupts) || has(PinBasedControls, kExternalInterruptExiting),
            PinBasedControls, "virtual-interrupt delivery needs external-interrupt exiting");
    if (!has(PinBasedControls, vmx::kPostedInterrupts))
        return;
    require(secondary(vmx::kVirtualInterrupts), SecondaryControls,
            "posted interrupts need virtual-interrupt delivery");
    require(has(VmExitControls, vmx::kExitAcknowledge), VmExitControls,
            "posted interrupts need the acknowledgement of interrupts on exit");
    require(get(PostedInterruptVector) <= 0xff, PostedInterruptVector, "must not be above 255");
    require_physical(PostedInterruptDescriptor, 64);
}

void VmcsChecker::check_ept() {
    if (!secondary(vmx::kEnableEpt)) {
        require(!unrestricted(), SecondaryControls, "an unrestricted guest needs EPT");
        require(!secondary(vmx::kPageModificationLog), SecondaryControls,
                "page-modification logging needs EPT");
        return;
    }
    // Bits of IA32_VMX_EPT_VPID_CAP (A.10).
    const auto supports = [&](unsigned bit) { return (cpu_.ept_vpid >> bit & 1) != 0; };
    const std::uint64_t pointer = get(EptPointer), type = pointer & 7, levels = (pointer >> 3 & 7) + 1;
    require((type == 0 && supports(8)) || (type == 6 && supports(14)), EptPointer,
            "has a memory type that this processor does not support");
    require((levels == 4 && supports(6)) || (levels == 5 && supports(7)), EptPointer,
            "has a number of levels that this processor does not support");
    require((pointer >> 6 & 1) == 0 || supports(21), EptPointer,
            "enables accessed and dirty flags, which this processor does not support");
    require((pointer >> 7 & 0x1f) == 0, EptPointer, "has a reserved bit");
    require(pointer >> cpu_.physical_address_bits == 0, EptPointer,
            "is beyond the processor's physical-address width");
    if (secondary(vmx::kPageModificationLog))
        require_physical(PmlAddress, kPage);
}

void VmcsChecker::check_exit_controls() {
    begin(VmcsCheckStage::Controls, "27.2.1.2");
    require_allowed(VmExitControls, cpu_.vm_exit);
    require(has(PinBasedControls, vmx::kPreemptionTimer) || !has(VmExitControls, vmx::kExitSaveTimer),
            VmExitControls, "the preemption timer can only be saved if it is active");
    require_msr_list(VmExitMsrStoreCount, VmExitMsrStoreAddress);
    require_msr_list(VmExitMsrLoadCount, VmExitMsrLoadAddress);
}

void VmcsChecker::check_entry_controls() {
    begin(VmcsCheckStage::Controls, "27.2.1.3");
    require_allowed(VmEntryControls, cpu_.vm_entry);
    require(!has(VmEntryControls, vmx::kEntryToSmm | vmx::kEntryDeactivateDualMonitor), VmEntryControls,
            "entry to SMM is for a processor that is in SMM");
    require_msr_list(VmEntryMsrLoadCount, VmEntryMsrLoadAddress);
}

void VmcsChecker::check_injection() {
    const std::uint64_t information = get(VmEntryInterruptionInformation);
    if (!vmx::is_valid_event(information))
        return;
    using enum vmx::EventType;
    const std::uint8_t vector = vmx::event_vector(information);
    const auto type = vmx::event_type(information);
    const bool error_code = (information >> 11 & 1) != 0;
    constexpr std::uint64_t kMonitorTrapFlag = std::uint64_t{1} << 27;  // in the primary controls
    require(type != Reserved && (type != Other || (cpu_.primary >> 32 & kMonitorTrapFlag) != 0),
            VmEntryInterruptionInformation, "has a reserved interruption type");
    require(type != Nmi || vector == 2, VmEntryInterruptionInformation, "an NMI has vector 2");
    require(type != HardwareException || vector <= 31, VmEntryInterruptionInformation,
            "a hardware exception has a vector up to 31");
    require(type != Other || vector == 0, VmEntryInterruptionInformation, "an MTF exit has vector 0");
    const bool protected_mode = has(GuestCr0, cr0::kPe);
    const bool wants_code = type == HardwareException && delivers_error_code(vector);
    require(!error_code || (wants_code && (protected_mode || !unrestricted())),
            VmEntryInterruptionInformation, "delivers an error code with an event that has none");
    require(error_code || !wants_code || !protected_mode, VmEntryInterruptionInformation,
            "delivers no error code with an exception that has one");
    require((information & 0x7ffff000) == 0, VmEntryInterruptionInformation, "has a reserved bit");
    require(!error_code || get(VmEntryExceptionErrorCode) <= 0x7fff, VmEntryExceptionErrorCode,
            "has a reserved bit");
    if (type == SoftwareInterrupt || type == PrivilegedException || type == SoftwareException)
        require(get(VmEntryInstructionLength) <= 15 &&
                    (get(VmEntryInstructionLength) != 0 || (cpu_.misc >> 30 & 1) != 0),
                VmEntryInstructionLength, "is not an instruction's length");
}

}  // namespace ringside::x86
