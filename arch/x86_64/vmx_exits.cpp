#include "arch/x86_64/vmx_exits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/exit_words.h"
#include "arch/x86_64/vmx_events.h"

namespace ringside::x86 {

namespace {

using Named = std::pair<VmxExitReason, std::string_view>;

constexpr std::array kNames{
    Named{VmxExitReason::ExceptionOrNmi, "EXCEPTION_NMI"},
    Named{VmxExitReason::ExternalInterrupt, "EXTERNAL_INTERRUPT"},
    Named{VmxExitReason::TripleFault, "TRIPLE_FAULT"},
    Named{VmxExitReason::InitSignal, "INIT_SIGNAL"},
    Named{VmxExitReason::StartupIpi, "SIPI_SIGNAL"},
    Named{VmxExitReason::IoSmi, "IO_SMI"},
    Named{VmxExitReason::OtherSmi, "OTHER_SMI"},
    Named{VmxExitReason::InterruptWindow, "INTERRUPT_WINDOW"},
    Named{VmxExitReason::NmiWindow, "NMI_WINDOW"},
    Named{VmxExitReason::TaskSwitch, "TASK_SWITCH"},
    Named{VmxExitReason::Cpuid, "CPUID"},
    Named{VmxExitReason::Getsec, "GETSEC"},
    Named{VmxExitReason::Hlt, "HLT"},
    Named{VmxExitReason::Invd, "INVD"},
    Named{VmxExitReason::Invlpg, "INVLPG"},
    Named{VmxExitReason::Rdpmc, "RDPMC"},
    Named{VmxExitReason::Rdtsc, "RDTSC"},
    Named{VmxExitReason::Rsm, "RSM"},
    Named{VmxExitReason::Vmcall, "VMCALL"},
    Named{VmxExitReason::Vmclear, "VMCLEAR"},
    Named{VmxExitReason::Vmlaunch, "VMLAUNCH"},
    Named{VmxExitReason::Vmptrld, "VMPTRLD"},
    Named{VmxExitReason::Vmptrst, "VMPTRST"},
    Named{VmxExitReason::Vmread, "VMREAD"},
    Named{VmxExitReason::Vmresume, "VMRESUME"},
    Named{VmxExitReason::Vmwrite, "VMWRITE"},
    Named{VmxExitReason::Vmxoff, "VMOFF"},
    Named{VmxExitReason::Vmxon, "VMON"},
    Named{VmxExitReason::CrAccess, "CR_ACCESS"},
    Named{VmxExitReason::DrAccess, "DR_ACCESS"},
    Named{VmxExitReason::IoInstruction, "IO_INSTRUCTION"},
    Named{VmxExitReason::MsrRead, "MSR_READ"},
    Named{VmxExitReason::MsrWrite, "MSR_WRITE"},
    Named{VmxExitReason::InvalidGuestState, "INVALID_STATE"},
    Named{VmxExitReason::MsrLoadFailure, "MSR_LOAD_FAIL"},
    Named{VmxExitReason::Mwait, "MWAIT_INSTRUCTION"},
    Named{VmxExitReason::MonitorTrapFlag, "MONITOR_TRAP_FLAG"},
    Named{VmxExitReason::Monitor, "MONITOR_INSTRUCTION"},
    Named{VmxExitReason::Pause, "PAUSE_INSTRUCTION"},
    Named{VmxExitReason::MachineCheckOnEntry, "MCE_DURING_VMENTRY"},
    Named{VmxExitReason::TprBelowThreshold, "TPR_BELOW_THRESHOLD"},
    Named{VmxExitReason::ApicAccess, "APIC_ACCESS"},
    Named{VmxExitReason::VirtualizedEoi, "EOI_INDUCED"},
    Named{VmxExitReason::GdtrIdtrAccess, "GDTR_IDTR"},
    Named{VmxExitReason::LdtrTrAccess, "LDTR_TR"},
    Named{VmxExitReason::EptViolation, "EPT_VIOLATION"},
    Named{VmxExitReason::EptMisconfiguration, "EPT_MISCONFIG"},
    Named{VmxExitReason::Invept, "INVEPT"},
    Named{VmxExitReason::Rdtscp, "RDTSCP"},
    Named{VmxExitReason::PreemptionTimer, "PREEMPTION_TIMER"},
    Named{VmxExitReason::Invvpid, "INVVPID"},
    Named{VmxExitReason::Wbinvd, "WBINVD"},
    Named{VmxExitReason::Xsetbv, "XSETBV"},
    Named{VmxExitReason::ApicWrite, "APIC_WRITE"},
    Named{VmxExitReason::Rdrand, "RDRAND"},
    Named{VmxExitReason::Invpcid, "INVPCID"},
    Named{VmxExitReason::Vmfunc, "VMFUNC"},
    Named{VmxExitReason::Encls, "ENCLS"},
    Named{VmxExitReason::Rdseed, "RDSEED"},
    Named{VmxExitReason::PageModificationLogFull, "PML_FULL"},
    Named{VmxExitReason::Xsaves, "XSAVES"},
    Named{VmxExitReason::Xrstors, "XRSTORS"},
    Named{VmxExitReason::Pconfig, "PCONFIG"},
    Named{VmxExitReason::SppEvent, "SPP_EVENT"},
    Named{VmxExitReason::Umwait, "UMWAIT"},
    Named{VmxExitReason::Tpause, "TPAUSE"},
    Named{VmxExitReason::Loadiwkey, "LOADIWKEY"},
    Named{VmxExitReason::Enclv, "ENCLV"},
    Named{VmxExitReason::EnqcmdPasid, "ENQCMD_PASID"},
    Named{VmxExitReason::EnqcmdsPasid, "ENQCMDS_PASID"},
    Named{VmxExitReason::BusLock, "BUS_LOCK"},
    Named{VmxExitReason::NotifyWindow, "NOTIFY"},
    Named{VmxExitReason::Seamcall, "SEAMCALL"},
    Named{VmxExitReason::Tdcall, "TDCALL"},
};

constexpr std::uint64_t field(std::uint64_t value, unsigned first, unsigned last) {
    return (value >> first) & ((std::uint64_t{1} << (last - first + 1)) - 1);
}

constexpr bool has(std::uint64_t value, unsigned bit) {
    return ((value >> bit) & 1) != 0;
}

// The qualification holds a #PF's faulting address or a #DB's DR6 bits. It is not defined for an NMI.
std::string describe_exception(const HardwareExit& exit) {
    std::string text = describe_interruption(exit.intr_info, exit.error_code);
    if (!vmx::is_valid_event(exit.intr_info))
        return text;
    const auto vector = static_cast<ExceptionVector>(vmx::event_vector(exit.intr_info));
    if (vector == ExceptionVector::PageFault)
        text += fmt::format(", address 0x{:x}", exit.info1);
    else if (vector == ExceptionVector::Debug)
        text += fmt::format(", DR6 bits 0x{:x}", exit.info1);
    return text;
}

}  // namespace

std::string_view vmx_exit_name(std::uint32_t basic_reason) {
    const auto* found = std::find_if(kNames.begin(), kNames.end(), [&](const Named& named) {
        return static_cast<std::uint32_t>(named.first) == basic_reason;
    });
    return found == kNames.end() ? std::string_view{} : found->second;
}

// SDM volume 3, table 28-7.
std::string describe_ept_violation(std::uint64_t qualification, std::optional<Gpa> gpa) {
    std::string text;
    const auto add = [&text](std::string_view word) {
        if (!text.empty())
            text += '+';
        text += word;
    };
    if (has(qualification, 0))
        add("read");
    if (has(qualification, 1))
        add("write");
    if (has(qualification, 2))
        add("fetch");
    if (text.empty())
        text = "access";
    if (gpa)
        text += fmt::format(", gpa 0x{:x}", gpa->value);
    text += fmt::format(", page {}{}{}", has(qualification, 3) ? 'r' : '-', has(qualification, 4) ? 'w' : '-',
                        has(qualification, 5) ? 'x' : '-');
    if (has(qualification, 7) && !has(qualification, 8))
        text += ", in a page-table walk";
    return text;
}

// SDM volume 3, table 28-3.
std::string describe_cr_access(std::uint64_t qualification) {
    const auto cr = field(qualification, 0, 3);
    const auto gpr = register_name(static_cast<unsigned>(field(qualification, 8, 11)));
    switch (field(qualification, 4, 5)) {
        case 0:
            return fmt::format("mov cr{}, {}", cr, gpr);
        case 1:
            return fmt::format("mov {}, cr{}", gpr, cr);
        case 2:
            return "clts";
        default:
            return fmt::format("lmsw 0x{:x}{}", field(qualification, 16, 31),
                               has(qualification, 6) ? " from memory" : "");
    }
}

// SDM volume 3, table 28-4.
std::string describe_dr_access(std::uint64_t qualification) {
    const auto dr = field(qualification, 0, 2);
    const auto gpr = register_name(static_cast<unsigned>(field(qualification, 8, 11)));
    return has(qualification, 4) ? fmt::format("mov {}, dr{}", gpr, dr)
                                 : fmt::format("mov dr{}, {}", dr, gpr);
}

// SDM volume 3, table 28-5.
std::string describe_io(std::uint64_t qualification) {
    PortAccess access;
    access.port = static_cast<std::uint16_t>(field(qualification, 16, 31));
    access.size = static_cast<unsigned>(field(qualification, 0, 2)) + 1;
    access.in = has(qualification, 3);
    access.string = has(qualification, 4);
    access.rep = has(qualification, 5);
    return describe(access);
}

// SDM volume 3, table 28-2.
std::string describe_task_switch(std::uint64_t qualification) {
    constexpr std::array<std::string_view, 4> kSources{"call", "iret", "jmp", "task gate"};
    return fmt::format("{} to TSS selector 0x{:x}", kSources[field(qualification, 30, 31)],
                       field(qualification, 0, 15));
}

// SDM volume 3, table 28-6.
std::string describe_apic_access(std::uint64_t qualification) {
    const auto offset = field(qualification, 0, 11);
    switch (field(qualification, 12, 15)) {
        case 0:
            return fmt::format("read of APIC register 0x{:x}", offset);
        case 1:
            return fmt::format("write of APIC register 0x{:x}", offset);
        case 2:
            return fmt::format("fetch from APIC page offset 0x{:x}", offset);
        case 3:
            return fmt::format("access to APIC page offset 0x{:x} in event delivery", offset);
        case 10:
            return "guest-physical access to the APIC page in event delivery";
        case 15:
            return "guest-physical access to the APIC page";
        default:
            return fmt::format("APIC access, qualification 0x{:x}", qualification);
    }
}

std::string describe_interruption(std::uint32_t intr_info, std::uint32_t error_code) {
    if (!vmx::is_valid_event(intr_info))
        return fmt::format("no valid interruption information (0x{:x})", intr_info);
    const std::uint8_t vector = vmx::event_vector(intr_info);
    std::string text;
    switch (vmx::event_type(intr_info)) {
        case vmx::EventType::ExternalInterrupt:
            text = fmt::format("external interrupt, vector 0x{:x}", vector);
            break;
        case vmx::EventType::Nmi:
            text = "NMI";
            break;
        case vmx::EventType::SoftwareInterrupt:
            text = fmt::format("software interrupt, vector 0x{:x}", vector);
            break;
        case vmx::EventType::PrivilegedException:
            text = exception_name(vector) + " (INT1)";
            break;
        default:
            text = exception_name(vector);
            break;
    }
    if (has(intr_info, 11))
        text += error_code_suffix(vector, error_code);
    return text;
}

std::string describe_vmx_qualification(const HardwareExit& exit) {
    switch (basic_reason(exit.reason)) {
        case VmxExitReason::ExceptionOrNmi:
            return describe_exception(exit);
        case VmxExitReason::ExternalInterrupt:  // information only if it is acknowledged on exit
            return has(exit.intr_info, 31) ? fmt::format("vector 0x{:x}", exit.intr_info & 0xff)
                                           : std::string{};
        case VmxExitReason::StartupIpi:
            return fmt::format("vector 0x{:x}", exit.info1 & 0xff);
        case VmxExitReason::TaskSwitch:
            return describe_task_switch(exit.info1);
        case VmxExitReason::Invlpg:
            return fmt::format("address 0x{:x}", exit.info1);
        case VmxExitReason::CrAccess:
            return describe_cr_access(exit.info1);
        case VmxExitReason::DrAccess:
            return describe_dr_access(exit.info1);
        case VmxExitReason::IoInstruction:
            return describe_io(exit.info1);
        case VmxExitReason::ApicAccess:
            return describe_apic_access(exit.info1);
        case VmxExitReason::VirtualizedEoi:
            return fmt::format("vector 0x{:x}", exit.info1 & 0xff);
        case VmxExitReason::ApicWrite:
            return fmt::format("write of APIC register 0x{:x}", exit.info1 & 0xfff);
        case VmxExitReason::EptViolation:
            return describe_ept_violation(exit.info1, exit.gpa);
        case VmxExitReason::EptMisconfiguration:
            return exit.gpa ? fmt::format("gpa 0x{:x}", exit.gpa->value) : std::string{};
        default:
            if (!vmx_exit_name(exit.reason & 0xffff).empty() && exit.info1 == 0)
                return {};
            return fmt::format("qualification 0x{:x}", exit.info1);
    }
}

}  // namespace ringside::x86
