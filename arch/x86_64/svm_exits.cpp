#include "arch/x86_64/svm_exits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/exit_words.h"

namespace ringside::x86 {

namespace {

using Named = std::pair<SvmExitCode, std::string_view>;

constexpr std::array kSvmExitNames{
    Named{SvmExitCode::Interrupt, "INTERRUPT"},
    Named{SvmExitCode::Nmi, "NMI"},
    Named{SvmExitCode::Smi, "SMI"},
    Named{SvmExitCode::Init, "INIT"},
    Named{SvmExitCode::VirtualInterrupt, "VINTR"},
    Named{SvmExitCode::Cr0SelectiveWrite, "CR0_SEL_WRITE"},
    Named{SvmExitCode::IdtrRead, "READ_IDTR"},
    Named{SvmExitCode::GdtrRead, "READ_GDTR"},
    Named{SvmExitCode::LdtrRead, "READ_LDTR"},
    Named{SvmExitCode::TrRead, "READ_TR"},
    Named{SvmExitCode::IdtrWrite, "WRITE_IDTR"},
    Named{SvmExitCode::GdtrWrite, "WRITE_GDTR"},
    Named{SvmExitCode::LdtrWrite, "WRITE_LDTR"},
    Named{SvmExitCode::TrWrite, "WRITE_TR"},
    Named{SvmExitCode::Rdtsc, "RDTSC"},
    Named{SvmExitCode::Rdpmc, "RDPMC"},
    Named{SvmExitCode::Pushf, "PUSHF"},
    Named{SvmExitCode::Popf, "POPF"},
    Named{SvmExitCode::Cpuid, "CPUID"},
    Named{SvmExitCode::Rsm, "RSM"},
    Named{SvmExitCode::Iret, "IRET"},
    Named{SvmExitCode::SoftwareInterrupt, "SWINT"},
    Named{SvmExitCode::Invd, "INVD"},
    Named{SvmExitCode::Pause, "PAUSE"},
    Named{SvmExitCode::Hlt, "HLT"},
    Named{SvmExitCode::Invlpg, "INVLPG"},
    Named{SvmExitCode::Invlpga, "INVLPGA"},
    Named{SvmExitCode::Ioio, "IO"},
    Named{SvmExitCode::Msr, "MSR"},
    Named{SvmExitCode::TaskSwitch, "TASK_SWITCH"},
    Named{SvmExitCode::FerrFreeze, "FERR_FREEZE"},
    Named{SvmExitCode::Shutdown, "SHUTDOWN"},
    Named{SvmExitCode::Vmrun, "VMRUN"},
    Named{SvmExitCode::Vmmcall, "HYPERCALL"},
    Named{SvmExitCode::Vmload, "VMLOAD"},
    Named{SvmExitCode::Vmsave, "VMSAVE"},
    Named{SvmExitCode::Stgi, "STGI"},
    Named{SvmExitCode::Clgi, "CLGI"},
    Named{SvmExitCode::Skinit, "SKINIT"},
    Named{SvmExitCode::Rdtscp, "RDTSCP"},
    Named{SvmExitCode::Icebp, "ICEBP"},
    Named{SvmExitCode::Wbinvd, "WBINVD"},
    Named{SvmExitCode::Monitor, "MONITOR"},
    Named{SvmExitCode::Mwait, "MWAIT"},
    Named{SvmExitCode::MwaitConditional, "MWAIT_COND"},
    Named{SvmExitCode::Xsetbv, "XSETBV"},
    Named{SvmExitCode::Rdpru, "RDPRU"},
    Named{SvmExitCode::EferWriteTrap, "EFER_WRITE_TRAP"},
    Named{SvmExitCode::Invlpgb, "INVLPGB"},
    Named{SvmExitCode::IllegalInvlpgb, "INVLPGB_ILLEGAL"},
    Named{SvmExitCode::Invpcid, "INVPCID"},
    Named{SvmExitCode::Mcommit, "MCOMMIT"},
    Named{SvmExitCode::Tlbsync, "TLBSYNC"},
    Named{SvmExitCode::BusLock, "BUS_LOCK"},
    Named{SvmExitCode::IdleHlt, "IDLE_HLT"},
    Named{SvmExitCode::NestedPageFault, "NPF"},
    Named{SvmExitCode::AvicIncompleteIpi, "AVIC_INCOMPLETE_IPI"},
    Named{SvmExitCode::AvicNoAcceleration, "AVIC_UNACCELERATED_ACCESS"},
    Named{SvmExitCode::Vmgexit, "VMGEXIT"},
    Named{SvmExitCode::Busy, "BUSY"},
    Named{SvmExitCode::Invalid, "INVALID"},
};

// Codes that carry a register or vector number: `count` in a row from `first`.
struct Family {
    SvmExitCode first;
    std::uint32_t count;
};
constexpr Family kReadCr{SvmExitCode::ReadCr0, 16};
constexpr Family kWriteCr{SvmExitCode::WriteCr0, 16};
constexpr Family kReadDr{SvmExitCode::ReadDr0, 16};
constexpr Family kWriteDr{SvmExitCode::WriteDr0, 16};
constexpr Family kException{SvmExitCode::Exception0, 32};
constexpr Family kWriteCrTrap{SvmExitCode::WriteCr0Trap, 16};

// The number inside the family, or nullopt.
constexpr std::optional<unsigned> member(Family family, std::uint32_t code) {
    const auto first = static_cast<std::uint32_t>(family.first);
    if (code < first || code - first >= family.count)
        return std::nullopt;
    return code - first;
}

constexpr bool has(std::uint64_t value, unsigned bit) {
    return ((value >> bit) & 1) != 0;
}

// The exceptions that push an error code (APM volume 2, table 8-1).
bool has_error_code(unsigned vector) {
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 ||
           vector == 30;
}

std::string describe_svm_exception(unsigned vector, const HardwareExit& exit) {
    const auto number = static_cast<std::uint8_t>(vector);
    std::string text = exception_name(number);
    if (has_error_code(vector))
        text += error_code_suffix(number, exit.info1);
    if (static_cast<ExceptionVector>(number) == ExceptionVector::PageFault)
        text += fmt::format(", address 0x{:x}", exit.info2);
    return text;
}

// A code that names its register or vector. Only processors with decode assists report the general register
// of a MOV to or from DRn, and no bit says whether it is valid.
std::optional<std::string> describe_family(const HardwareExit& exit) {
    if (const auto cr = member(kReadCr, exit.reason))
        return describe_svm_cr_access(*cr, false, exit.info1);
    if (const auto cr = member(kWriteCr, exit.reason))
        return describe_svm_cr_access(*cr, true, exit.info1);
    if (const auto dr = member(kReadDr, exit.reason))
        return fmt::format("read of dr{}", *dr);
    if (const auto dr = member(kWriteDr, exit.reason))
        return fmt::format("write of dr{}", *dr);
    if (const auto vector = member(kException, exit.reason))
        return describe_svm_exception(*vector, exit);
    if (const auto cr = member(kWriteCrTrap, exit.reason))
        return fmt::format("cr{} written, new value 0x{:x}", *cr, exit.info1);
    return std::nullopt;
}

// APM volume 2, 15.14.1.
std::string describe_svm_task_switch(const HardwareExit& exit) {
    const std::string_view source = has(exit.info2, 36)   ? "iret"
                                    : has(exit.info2, 38) ? "jmp"
                                                          : "call or gate";
    std::string text = fmt::format("{} to TSS selector 0x{:x}", source, exit.info1 & 0xffff);
    if (has(exit.info2, 44))
        text += fmt::format(", error code 0x{:x}", exit.info2 & 0xffffffff);
    return text;
}

}  // namespace

std::string svm_exit_name(std::uint32_t code) {
    if (const auto cr = member(kReadCr, code))
        return fmt::format("READ_CR{}", *cr);
    if (const auto cr = member(kWriteCr, code))
        return fmt::format("WRITE_CR{}", *cr);
    if (const auto dr = member(kReadDr, code))
        return fmt::format("READ_DR{}", *dr);
    if (const auto dr = member(kWriteDr, code))
        return fmt::format("WRITE_DR{}", *dr);
    if (const auto cr = member(kWriteCrTrap, code))
        return fmt::format("CR{}_WRITE_TRAP", *cr);
    if (const auto vector = member(kException, code)) {
        const std::string exception = exception_name(static_cast<std::uint8_t>(*vector));
        return exception.front() == '#' ? exception.substr(1) + "_EXCP" : fmt::format("EXCP{}", *vector);
    }
    const auto* found = std::find_if(kSvmExitNames.begin(), kSvmExitNames.end(), [&](const Named& named) {
        return static_cast<std::uint32_t>(named.first) == code;
    });
    return found == kSvmExitNames.end() ? std::string{} : std::string(found->second);
}

// APM volume 2, 15.10.2.
std::string describe_ioio(std::uint64_t exitinfo1) {
    PortAccess access;
    access.port = static_cast<std::uint16_t>(exitinfo1 >> 16);
    access.size = has(exitinfo1, 6) ? 4 : has(exitinfo1, 5) ? 2 : 1;
    access.in = has(exitinfo1, 0);
    access.string = has(exitinfo1, 2);
    access.rep = has(exitinfo1, 3);
    return describe(access);
}

// APM volume 2, 15.25.6: a page-fault error code, with two bits more.
std::string describe_nested_page_fault(std::uint64_t exitinfo1, std::uint64_t exitinfo2) {
    const std::string_view access = has(exitinfo1, 4) ? "fetch" : has(exitinfo1, 1) ? "write" : "read";
    std::string text = fmt::format("{}, gpa 0x{:x}, {}", access, exitinfo2,
                                   has(exitinfo1, 0) ? "protection violation" : "page not present");
    if (has(exitinfo1, 3))
        text += ", reserved bit set";
    if (has(exitinfo1, 33))
        text += ", in a page-table walk";
    return text;
}

// APM volume 2, 15.8.1: with decode assists, bit 63 says that it was a MOV and bits 3-0 name the register.
std::string describe_svm_cr_access(unsigned cr, bool write, std::uint64_t exitinfo1) {
    if (!has(exitinfo1, 63))
        return fmt::format("{} of cr{}", write ? "write" : "read", cr);
    const auto gpr = register_name(exitinfo1 & 0xf);
    return write ? fmt::format("mov cr{}, {}", cr, gpr) : fmt::format("mov {}, cr{}", gpr, cr);
}

std::string describe_svm_info(const HardwareExit& exit) {
    if (auto text = describe_family(exit))
        return *std::move(text);
    switch (static_cast<SvmExitCode>(exit.reason)) {
        case SvmExitCode::Ioio:
            return describe_ioio(exit.info1);
        case SvmExitCode::Msr:
            return (exit.info1 & 1) != 0 ? "wrmsr" : "rdmsr";
        case SvmExitCode::NestedPageFault:
            return describe_nested_page_fault(exit.info1, exit.info2);
        case SvmExitCode::TaskSwitch:
            return describe_svm_task_switch(exit);
        case SvmExitCode::SoftwareInterrupt:  // 0 as well if the processor has no decode assists (15.10)
            return exit.info1 != 0 ? fmt::format("vector 0x{:x}", exit.info1 & 0xff) : std::string{};
        case SvmExitCode::Invlpg:
            return exit.info1 != 0 ? fmt::format("address 0x{:x}", exit.info1) : std::string{};
        default:
            if (!svm_exit_name(exit.reason).empty() && exit.info1 == 0 && exit.info2 == 0)
                return {};
            return fmt::format("exitinfo1 0x{:x}, exitinfo2 0x{:x}", exit.info1, exit.info2);
    }
}

}  // namespace ringside::x86
