#include "arch/x86_64/vmcs_words.h"

#include <fmt/format.h>

#include <array>

#include "arch/x86_64/entry_failures.h"
#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/exit_reasons.h"
#include "arch/x86_64/register_flags.h"
#include "arch/x86_64/vmx_events.h"
#include "arch/x86_64/vmx_exits.h"

namespace ringside::x86 {

namespace {

constexpr FlagField bit(std::string_view name, std::uint8_t n) {
    return {name, n, n};
}

// SDM volume 3, table 25-5.
constexpr std::array kPinBased{bit("external-interrupt-exiting", 0), bit("NMI-exiting", 3),
                               bit("virtual-NMIs", 5), bit("preemption-timer", 6),
                               bit("process-posted-interrupts", 7)};
// Table 25-6.
constexpr std::array kPrimary{bit("interrupt-window-exiting", 2),
                              bit("TSC-offsetting", 3),
                              bit("HLT-exiting", 7),
                              bit("INVLPG-exiting", 9),
                              bit("MWAIT-exiting", 10),
                              bit("RDPMC-exiting", 11),
                              bit("RDTSC-exiting", 12),
                              bit("CR3-load-exiting", 15),
                              bit("CR3-store-exiting", 16),
                              bit("tertiary-controls", 17),
                              bit("CR8-load-exiting", 19),
                              bit("CR8-store-exiting", 20),
                              bit("TPR-shadow", 21),
                              bit("NMI-window-exiting", 22),
                              bit("MOV-DR-exiting", 23),
                              bit("unconditional-I/O-exiting", 24),
                              bit("I/O-bitmaps", 25),
                              bit("monitor-trap-flag", 27),
                              bit("MSR-bitmaps", 28),
                              bit("MONITOR-exiting", 29),
                              bit("PAUSE-exiting", 30),
                              bit("secondary-controls", 31)};
// Table 25-7.
constexpr std::array kSecondary{bit("virtualize-APIC-accesses", 0),
                                bit("EPT", 1),
                                bit("descriptor-table-exiting", 2),
                                bit("enable-RDTSCP", 3),
                                bit("virtualize-x2APIC-mode", 4),
                                bit("VPID", 5),
                                bit("WBINVD-exiting", 6),
                                bit("unrestricted-guest", 7),
                                bit("APIC-register-virtualization", 8),
                                bit("virtual-interrupt-delivery", 9),
                                bit("PAUSE-loop-exiting", 10),
                                bit("RDRAND-exiting", 11),
                                bit("enable-INVPCID", 12),
                                bit("VM-functions", 13),
                                bit("VMCS-shadowing", 14),
                                bit("ENCLS-exiting", 15),
                                bit("RDSEED-exiting", 16),
                                bit("PML", 17),
                                bit("EPT-violation-#VE", 18),
                                bit("conceal-VMX-from-PT", 19),
                                bit("enable-XSAVES", 20),
                                bit("PASID-translation", 21),
                                bit("mode-based-execute-control", 22),
                                bit("sub-page-write-permissions", 23),
                                bit("PT-uses-guest-physical", 24),
                                bit("TSC-scaling", 25),
                                bit("enable-user-wait-pause", 26),
                                bit("enable-PCONFIG", 27),
                                bit("ENCLV-exiting", 28),
                                bit("bus-lock-detection", 30),
                                bit("instruction-timeout", 31)};
// Table 25-13.
constexpr std::array kExit{bit("save-debug-controls", 2),
                           bit("host-address-space-size", 9),
                           bit("load-PERF_GLOBAL_CTRL", 12),
                           bit("acknowledge-interrupt", 15),
                           bit("save-PAT", 18),
                           bit("load-PAT", 19),
                           bit("save-EFER", 20),
                           bit("load-EFER", 21),
                           bit("save-preemption-timer", 22),
                           bit("clear-BNDCFGS", 23),
                           bit("conceal-VMX-from-PT", 24),
                           bit("clear-RTIT_CTL", 25),
                           bit("clear-LBR_CTL", 26),
                           bit("clear-UINV", 27),
                           bit("load-CET-state", 28),
                           bit("load-PKRS", 29),
                           bit("save-PERF_GLOBAL_CTRL", 30),
                           bit("secondary-controls", 31)};
// Table 25-15.
constexpr std::array kEntry{bit("load-debug-controls", 2),
                            bit("IA-32e-mode-guest", 9),
                            bit("entry-to-SMM", 10),
                            bit("deactivate-dual-monitor", 11),
                            bit("load-PERF_GLOBAL_CTRL", 13),
                            bit("load-PAT", 14),
                            bit("load-EFER", 15),
                            bit("load-BNDCFGS", 16),
                            bit("conceal-VMX-from-PT", 17),
                            bit("load-RTIT_CTL", 18),
                            bit("load-UINV", 19),
                            bit("load-CET-state", 20),
                            bit("load-LBR_CTL", 21),
                            bit("load-PKRS", 22)};
// Table 25-3.
constexpr std::array kInterruptibility{bit("blocking-by-STI", 0), bit("blocking-by-MOV-SS", 1),
                                       bit("blocking-by-SMI", 2), bit("blocking-by-NMI", 3),
                                       bit("enclave-interruption", 4)};
// Table 25-4.
constexpr std::array kPendingDebug{bit("B0", 0),  bit("B1", 1),   bit("B2", 2),
                                   bit("B3", 3),  bit("BLD", 11), bit("enabled-breakpoint", 12),
                                   bit("BS", 14), bit("RTM", 16)};
// Volume 4, IA32_DEBUGCTL.
constexpr std::array kDebugctl{bit("LBR", 0),
                               bit("BTF", 1),
                               bit("BLD", 2),
                               bit("TR", 6),
                               bit("BTS", 7),
                               bit("BTINT", 8),
                               bit("BTS_OFF_OS", 9),
                               bit("BTS_OFF_USR", 10),
                               bit("FREEZE_LBRS_ON_PMI", 11),
                               bit("FREEZE_PERFMON_ON_PMI", 12),
                               bit("FREEZE_WHILE_SMM", 14),
                               bit("RTM", 15)};

template <std::size_t N>
std::string flags(const std::array<FlagField, N>& fields, std::uint64_t value) {
    return format_flags({"", 8, fields}, value);
}

std::string flags(std::string_view type, std::uint64_t value) {
    return format_flags(*find_flags_type(type), value);
}

std::string describe_exceptions(std::uint64_t bitmap) {
    std::string text;
    for (std::uint8_t vector = 0; vector < 32; ++vector) {
        if ((bitmap >> vector & 1) != 0)
            text += (text.empty() ? "" : " ") + exception_name(vector);
    }
    return text;
}

// Table 25-9.
std::string describe_ept_pointer(std::uint64_t value) {
    constexpr std::uint64_t kAddress = 0x000ffffffffff000;
    const auto type = value & 7;
    const std::string memory = type == 6   ? "write-back"
                               : type == 0 ? "uncacheable"
                                           : fmt::format("reserved memory type {}", type);
    return fmt::format("{}-level table at 0x{:x}, {}{}", (value >> 3 & 7) + 1, value & kAddress, memory,
                       (value >> 6 & 1) != 0 ? ", accessed and dirty flags" : "");
}

std::string describe_activity(std::uint64_t state) {
    constexpr std::array<std::string_view, 4> kStates{"active", "HLT", "shutdown", "wait-for-SIPI"};
    return state < kStates.size() ? std::string(kStates[state]) : "not an activity state";
}

// 25.9.1, table 25-18.
std::string describe_exit_reason(std::uint64_t reason) {
    std::string text = exit_name(VirtualizationKind::Vmx, static_cast<std::uint32_t>(reason & 0xffff));
    if ((reason >> 27 & 1) != 0)
        text += ", in an enclave";
    if ((reason >> 28 & 1) != 0)
        text += ", with an MTF exit pending";
    if ((reason >> 31 & 1) != 0)
        text += ", the VM entry failed";
    return text;
}

std::string describe_event(std::uint64_t information, std::uint64_t error_code) {
    if (!vmx::is_valid_event(information))
        return "not valid";
    if (vmx::event_type(information) == vmx::EventType::Other)
        return "pending MTF exit";
    return describe_interruption(static_cast<std::uint32_t>(information),
                                 static_cast<std::uint32_t>(error_code));
}

std::string describe_exit_qualification(std::uint64_t qualification, const VmcsValues& all) {
    const auto value = [&](VmcsField field) {
        return static_cast<std::uint32_t>(all.get(field).value_or(0));
    };
    HardwareExit exit{.reason = value(VmcsField::ExitReason), .info1 = qualification};
    exit.intr_info = value(VmcsField::VmExitInterruptionInformation);
    exit.error_code = value(VmcsField::VmExitInterruptionErrorCode);
    if (const auto gpa = all.get(VmcsField::GuestPhysicalAddress))
        exit.gpa = Gpa{*gpa};
    return describe_qualification(exit);
}

std::string describe_instruction_error(std::uint64_t number) {
    return number == 0 ? "none" : std::string(vm_instruction_error(number));
}

}  // namespace

std::string describe_vmcs_field(VmcsField field, std::uint64_t value, const VmcsValues& all) {
    using enum VmcsField;
    switch (field) {
        case PinBasedControls:
            return flags(kPinBased, value);
        case PrimaryControls:
            return flags(kPrimary, value);
        case SecondaryControls:
            return flags(kSecondary, value);
        case VmExitControls:
            return flags(kExit, value);
        case VmEntryControls:
            return flags(kEntry, value);
        case ExceptionBitmap:
            return describe_exceptions(value);
        case EptPointer:
            return describe_ept_pointer(value);
        case VmEntryInterruptionInformation:
            return describe_event(value, all.get(VmEntryExceptionErrorCode).value_or(0));
        case VmInstructionError:
            return describe_instruction_error(value);
        case ExitReason:
            return describe_exit_reason(value);
        case ExitQualification:
            return describe_exit_qualification(value, all);
        case VmExitInterruptionInformation:
            return describe_event(value, all.get(VmExitInterruptionErrorCode).value_or(0));
        case IdtVectoringInformation:
            return describe_event(value, all.get(IdtVectoringErrorCode).value_or(0));
        case GuestInterruptibilityState:
            return flags(kInterruptibility, value);
        case GuestActivityState:
            return describe_activity(value);
        case GuestPendingDebugExceptions:
            return flags(kPendingDebug, value);
        case GuestIa32Debugctl:
            return flags(kDebugctl, value);
        case VmcsLinkPointer:
            return value == ~std::uint64_t{0} ? "none" : "";
        case GuestCr0:
        case HostCr0:
        case Cr0GuestHostMask:
        case Cr0ReadShadow:
            return flags("x86_cr0", value);
        case GuestCr4:
        case HostCr4:
        case Cr4GuestHostMask:
        case Cr4ReadShadow:
            return flags("x86_cr4", value);
        case GuestIa32Efer:
        case HostIa32Efer:
            return flags("x86_efer", value);
        case GuestRflags:
            return flags("i386_eflags", value);
        case GuestDr7:
            return flags("x86_dr7", value);
        case GuestEsAccessRights:
        case GuestCsAccessRights:
        case GuestSsAccessRights:
        case GuestDsAccessRights:
        case GuestFsAccessRights:
        case GuestGsAccessRights:
        case GuestLdtrAccessRights:
        case GuestTrAccessRights:
            return flags("x86_segment_attributes", value);
        default:
            return {};
    }
}

}  // namespace ringside::x86
