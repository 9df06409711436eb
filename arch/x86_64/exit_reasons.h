// Why a processor left the guest: names of VMX basic exit reasons (SDM volume 3, appendix C) and SVM exit
// codes (APM volume 2, appendix C), and their qualifications in words. KVM's kvm_exit tracepoint carries
// both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "arch/x86_64/address.h"

namespace ringside::x86 {

enum class VmxExitReason : std::uint16_t {
    ExceptionOrNmi = 0,
    ExternalInterrupt = 1,
    TripleFault = 2,
    InitSignal = 3,
    StartupIpi = 4,
    IoSmi = 5,
    OtherSmi = 6,
    InterruptWindow = 7,
    NmiWindow = 8,
    TaskSwitch = 9,
    Cpuid = 10,
    Getsec = 11,
    Hlt = 12,
    Invd = 13,
    Invlpg = 14,
    Rdpmc = 15,
    Rdtsc = 16,
    Rsm = 17,
    Vmcall = 18,
    Vmclear = 19,
    Vmlaunch = 20,
    Vmptrld = 21,
    Vmptrst = 22,
    Vmread = 23,
    Vmresume = 24,
    Vmwrite = 25,
    Vmxoff = 26,
    Vmxon = 27,
    CrAccess = 28,
    DrAccess = 29,
    IoInstruction = 30,
    MsrRead = 31,
    MsrWrite = 32,
    InvalidGuestState = 33,
    MsrLoadFailure = 34,
    Mwait = 36,
    MonitorTrapFlag = 37,
    Monitor = 39,
    Pause = 40,
    MachineCheckOnEntry = 41,
    TprBelowThreshold = 43,
    ApicAccess = 44,
    VirtualizedEoi = 45,
    GdtrIdtrAccess = 46,
    LdtrTrAccess = 47,
    EptViolation = 48,
    EptMisconfiguration = 49,
    Invept = 50,
    Rdtscp = 51,
    PreemptionTimer = 52,
    Invvpid = 53,
    Wbinvd = 54,
    Xsetbv = 55,
    ApicWrite = 56,
    Rdrand = 57,
    Invpcid = 58,
    Vmfunc = 59,
    Encls = 60,
    Rdseed = 61,
    PageModificationLogFull = 62,
    Xsaves = 63,
    Xrstors = 64,
    Pconfig = 65,
    SppEvent = 66,
    Umwait = 67,
    Tpause = 68,
    Loadiwkey = 69,
    Enclv = 70,
    EnqcmdPasid = 72,
    EnqcmdsPasid = 73,
    BusLock = 74,
    NotifyWindow = 75,
    Seamcall = 76,
    Tdcall = 77,
};

enum class SvmExitCode : std::uint32_t {
    ReadCr0 = 0x000,     // to 0x00f: CR0 to CR15
    WriteCr0 = 0x010,    // to 0x01f
    ReadDr0 = 0x020,     // to 0x02f
    WriteDr0 = 0x030,    // to 0x03f
    Exception0 = 0x040,  // to 0x05f: vectors 0 to 31
    Interrupt = 0x060,
    Nmi = 0x061,
    Smi = 0x062,
    Init = 0x063,
    VirtualInterrupt = 0x064,
    Cr0SelectiveWrite = 0x065,
    IdtrRead = 0x066,
    GdtrRead = 0x067,
    LdtrRead = 0x068,
    TrRead = 0x069,
    IdtrWrite = 0x06a,
    GdtrWrite = 0x06b,
    LdtrWrite = 0x06c,
    TrWrite = 0x06d,
    Rdtsc = 0x06e,
    Rdpmc = 0x06f,
    Pushf = 0x070,
    Popf = 0x071,
    Cpuid = 0x072,
    Rsm = 0x073,
    Iret = 0x074,
    SoftwareInterrupt = 0x075,
    Invd = 0x076,
    Pause = 0x077,
    Hlt = 0x078,
    Invlpg = 0x079,
    Invlpga = 0x07a,
    Ioio = 0x07b,
    Msr = 0x07c,
    TaskSwitch = 0x07d,
    FerrFreeze = 0x07e,
    Shutdown = 0x07f,
    Vmrun = 0x080,
    Vmmcall = 0x081,
    Vmload = 0x082,
    Vmsave = 0x083,
    Stgi = 0x084,
    Clgi = 0x085,
    Skinit = 0x086,
    Rdtscp = 0x087,
    Icebp = 0x088,
    Wbinvd = 0x089,
    Monitor = 0x08a,
    Mwait = 0x08b,
    MwaitConditional = 0x08c,
    Xsetbv = 0x08d,
    Rdpru = 0x08e,
    EferWriteTrap = 0x08f,
    WriteCr0Trap = 0x090,  // to 0x09f
    Invlpgb = 0x0a0,
    IllegalInvlpgb = 0x0a1,
    Invpcid = 0x0a2,
    Mcommit = 0x0a3,
    Tlbsync = 0x0a4,
    BusLock = 0x0a5,
    IdleHlt = 0x0a6,
    NestedPageFault = 0x400,
    AvicIncompleteIpi = 0x401,
    AvicNoAcceleration = 0x402,
    Vmgexit = 0x403,
    Busy = 0xfffffffe,
    Invalid = 0xffffffff,
};

enum class VirtualizationKind : std::uint8_t { Vmx = 1, Svm = 2 };  // the tracepoint's `isa`

// One exit as kvm_exit reports it.
struct HardwareExit {
    VirtualizationKind kind = VirtualizationKind::Vmx;
    std::uint32_t reason = 0;     // VMX: with the flag bits above the basic reason; SVM: the exit code
    std::uint64_t info1 = 0;      // exit qualification, or EXITINFO1
    std::uint64_t info2 = 0;      // IDT-vectoring information, or EXITINFO2
    std::uint32_t intr_info = 0;  // interruption information, or EXITINTINFO
    std::uint32_t error_code = 0;
    std::optional<Gpa> gpa = std::nullopt;  // of an EPT violation or misconfiguration, where it is known
};

// The name, in KVM's and perf's words, upper case ("EPT_VIOLATION", "NPF", "WRITE_CR3"); "0x123" for an
// unknown code.
std::string exit_name(VirtualizationKind kind, std::uint32_t reason);
inline std::string exit_name(const HardwareExit& exit) {
    return exit_name(exit.kind, exit.reason);
}

// The code of a name, ignoring case; nullopt for an unknown name.
std::optional<std::uint32_t> find_exit(VirtualizationKind kind, std::string_view name);

// The qualification in words: "write, gpa 0xfee000b0, page r--", "mov cr3, rax", "out 0x3f8, 1 byte", "#PF,
// error code 0x2 (...)". Empty for an exit without one; raw hexadecimal numbers if the code is unknown.
std::string describe_qualification(const HardwareExit& exit);

// VMX only: the bit of a reason that says that the VM entry itself failed (SDM volume 3, 25.9.1).
inline constexpr std::uint32_t kVmxEntryFailed = 1U << 31;
constexpr bool is_entry_failure(const HardwareExit& exit) {
    return exit.kind == VirtualizationKind::Vmx && (exit.reason & kVmxEntryFailed) != 0;
}
constexpr VmxExitReason basic_reason(std::uint64_t reason) {
    return static_cast<VmxExitReason>(reason & 0xffff);
}
// Returns true if VM entry failed because the guest-state area breaks a rule (SDM volume 3, 27.8).
constexpr bool is_invalid_guest_state(std::uint64_t reason) {
    return (reason & kVmxEntryFailed) != 0 && basic_reason(reason) == VmxExitReason::InvalidGuestState;
}

}  // namespace ringside::x86
