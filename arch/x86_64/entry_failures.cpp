#include "arch/x86_64/entry_failures.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "arch/x86_64/opcodes.h"

namespace ringside::x86 {
namespace {

constexpr std::uint64_t kNotClear = 4, kNotLaunched = 5, kAfterVmxoff = 6, kBlockedByMovSs = 26;

constexpr std::pair<std::uint64_t, std::string_view> kInstructionErrors[] = {
    {1, "VMCALL in VMX root operation"},
    {2, "VMCLEAR with an invalid physical address"},
    {3, "VMCLEAR with the VMXON pointer"},
    {kNotClear, "VMLAUNCH with a VMCS that is not clear"},
    {kNotLaunched, "VMRESUME with a VMCS that was not launched"},
    {kAfterVmxoff, "VMRESUME after VMXOFF"},
    {kInvalidControlFields, "VM entry with invalid control fields"},
    {kInvalidHostStateFields, "VM entry with invalid host-state fields"},
    {9, "VMPTRLD with an invalid physical address"},
    {10, "VMPTRLD with the VMXON pointer"},
    {11, "VMPTRLD with a VMCS of another revision"},
    {12, "VMREAD or VMWRITE of a field that does not exist"},
    {13, "VMWRITE to a read-only field"},
    {15, "VMXON in VMX root operation"},
    {16, "VM entry with an invalid executive-VMCS pointer"},
    {17, "VM entry with an executive VMCS that was not launched"},
    {18, "VM entry with an executive-VMCS pointer that is not the VMXON pointer"},
    {19, "VMCALL with a VMCS that is not clear"},
    {20, "VMCALL with invalid exit-control fields"},
    {22, "VMCALL with another MSEG revision"},
    {23, "VMXOFF under dual-monitor treatment"},
    {24, "VMCALL with invalid SMM features"},
    {25, "VM entry with invalid execution-control fields in the executive VMCS"},
    {kBlockedByMovSs, "VM entry with events blocked by MOV SS"},
    {28, "invalid operand to INVEPT or INVVPID"},
};

std::string describe_vmx(std::uint64_t reason) {
    if ((reason & kVmxEntryFailed) == 0) {
        const std::string_view error = vm_instruction_error(reason);
        return error.empty() ? fmt::format("VM-instruction error {}", reason)
                             : fmt::format("VM-instruction error {}: {}", reason, error);
    }
    const auto basic = static_cast<std::uint32_t>(reason & 0xffff);
    const std::string name = exit_name(VirtualizationKind::Vmx, basic);
    switch (basic_reason(reason)) {
        case VmxExitReason::InvalidGuestState:
            return name + ": the guest's registers break a rule of VM entry (SDM volume 3, 27.3.1)";
        case VmxExitReason::MsrLoadFailure:
            return name + ": an MSR of the guest's could not be loaded (SDM volume 3, 27.4)";
        case VmxExitReason::MachineCheckOnEntry:
            return name + ": a machine check during VM entry (SDM volume 3, 27.9)";
        default:
            return name + " at VM entry";
    }
}

std::string describe_svm(std::uint64_t reason) {
    // KVM hands on the 32-bit exit code, in some versions sign-extended.
    const auto code = static_cast<std::uint32_t>(reason);
    if (static_cast<SvmExitCode>(code) == SvmExitCode::Invalid)
        return exit_name(VirtualizationKind::Svm, code) +
               ": the guest's state in the VMCB breaks a rule of VMRUN (APM volume 2, 15.5.1)";
    return exit_name(VirtualizationKind::Svm, code);
}

}  // namespace

std::string_view vm_instruction_error(std::uint64_t number) {
    const auto* found =
        std::ranges::find(kInstructionErrors, number, &std::pair<std::uint64_t, std::string_view>::first);
    return found == std::end(kInstructionErrors) ? std::string_view() : found->second;
}

std::optional<VmEntry> vm_entry(std::span<const std::byte, kVmEntryBytes> code) {
    if (std::ranges::equal(code, kVmlaunch))
        return VmEntry::Vmlaunch;
    if (std::ranges::equal(code, kVmresume))
        return VmEntry::Vmresume;
    return std::ranges::equal(code, kVmrun) ? std::optional(VmEntry::Vmrun) : std::nullopt;
}

// The launch state is examined before the fields, and an entry that fails leaves it as it is.
bool can_fail_with(VmEntry entry, std::uint64_t vm_instruction_error, bool launched) {
    if (entry == VmEntry::Vmrun)
        return false;
    const bool resumes = entry == VmEntry::Vmresume;
    switch (vm_instruction_error) {
        case kNotClear:
            return !resumes && launched;
        case kNotLaunched:
            return resumes && !launched;
        case kAfterVmxoff:
            return resumes;
        case kInvalidControlFields:
        case kInvalidHostStateFields:
            return resumes == launched;
        default:
            return vm_instruction_error == kBlockedByMovSs;
    }
}

std::string describe_entry_failure(std::optional<VirtualizationKind> kind, std::uint64_t reason) {
    std::string number = fmt::format("hardware reason 0x{:x}", reason);
    if (!kind)
        return number;
    return number + ", " + (*kind == VirtualizationKind::Vmx ? describe_vmx(reason) : describe_svm(reason));
}

}  // namespace ringside::x86
