#include "vmm/exits/record/reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "vmm/base/text.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::exits {
namespace {

// The reasons that x86 has (Documentation/virt/kvm/api.rst, section 5). MEMORY_FAULT is newer than Debian
// 12's header.
constexpr std::uint32_t kMemoryFault = 39;
constexpr std::pair<std::uint32_t, std::string_view> kKvmNames[] = {
    {KVM_EXIT_UNKNOWN, "UNKNOWN"},
    {KVM_EXIT_EXCEPTION, "EXCEPTION"},
    {KVM_EXIT_IO, "IO"},
    {KVM_EXIT_HYPERCALL, "HYPERCALL"},
    {KVM_EXIT_DEBUG, "DEBUG"},
    {KVM_EXIT_HLT, "HLT"},
    {KVM_EXIT_MMIO, "MMIO"},
    {KVM_EXIT_IRQ_WINDOW_OPEN, "IRQ_WINDOW_OPEN"},
    {KVM_EXIT_SHUTDOWN, "SHUTDOWN"},
    {KVM_EXIT_FAIL_ENTRY, "FAIL_ENTRY"},
    {KVM_EXIT_INTR, "INTR"},
    {KVM_EXIT_SET_TPR, "SET_TPR"},
    {KVM_EXIT_TPR_ACCESS, "TPR_ACCESS"},
    {KVM_EXIT_NMI, "NMI"},
    {KVM_EXIT_INTERNAL_ERROR, "INTERNAL_ERROR"},
    {KVM_EXIT_SYSTEM_EVENT, "SYSTEM_EVENT"},
    {KVM_EXIT_IOAPIC_EOI, "IOAPIC_EOI"},
    {KVM_EXIT_HYPERV, "HYPERV"},
    {KVM_EXIT_X86_RDMSR, "X86_RDMSR"},
    {KVM_EXIT_X86_WRMSR, "X86_WRMSR"},
    {KVM_EXIT_DIRTY_RING_FULL, "DIRTY_RING_FULL"},
    {KVM_EXIT_AP_RESET_HOLD, "AP_RESET_HOLD"},
    {KVM_EXIT_X86_BUS_LOCK, "X86_BUS_LOCK"},
    {KVM_EXIT_XEN, "XEN"},
    {KVM_EXIT_NOTIFY, "NOTIFY"},
    {kMemoryFault, "MEMORY_FAULT"},
    {kReasonInterrupted, "INTERRUPTED"},
    {kReasonAgain, "AGAIN"},
    {kReasonWriteFault, "WRITE_PROTECTED"},
};

std::optional<std::uint32_t> parse_reason_number(std::string_view text) {
    const auto number = parse_number(text);
    if (!number || *number > std::numeric_limits<std::uint32_t>::max())
        return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

AddressKind vmx_address_kind(std::uint32_t reason) {
    switch (x86::basic_reason(reason)) {
        case x86::VmxExitReason::IoInstruction:
            return AddressKind::Port;
        case x86::VmxExitReason::EptViolation:
        case x86::VmxExitReason::EptMisconfiguration:
            return AddressKind::Memory;
        case x86::VmxExitReason::MsrRead:
        case x86::VmxExitReason::MsrWrite:
            return AddressKind::Msr;
        case x86::VmxExitReason::Cpuid:
            return AddressKind::CpuidLeaf;
        default:
            return AddressKind::None;
    }
}

AddressKind svm_address_kind(std::uint32_t code) {
    switch (static_cast<x86::SvmExitCode>(code)) {
        case x86::SvmExitCode::Ioio:
            return AddressKind::Port;
        case x86::SvmExitCode::NestedPageFault:
            return AddressKind::Memory;
        case x86::SvmExitCode::Msr:
            return AddressKind::Msr;
        case x86::SvmExitCode::Cpuid:
            return AddressKind::CpuidLeaf;
        default:
            return AddressKind::None;
    }
}

}  // namespace

bool is_access(std::uint32_t reason) {
    return KvmReasons().address_kind(reason) != AddressKind::None;
}

bool is_halt(std::uint32_t reason) {
    return reason == KVM_EXIT_HLT;
}

bool is_stop(std::uint32_t reason) {
    switch (reason) {
        case KVM_EXIT_DEBUG:
        case KVM_EXIT_SHUTDOWN:
        case KVM_EXIT_INTERNAL_ERROR:
        case KVM_EXIT_FAIL_ENTRY:
            return true;
        default:
            return false;
    }
}

std::string KvmReasons::name(std::uint32_t reason) const {
    for (const auto& [number, text] : kKvmNames)
        if (number == reason)
            return std::string(text);
    return fmt::format("0x{:x}", reason);
}

AddressKind KvmReasons::address_kind(std::uint32_t reason) const {
    switch (reason) {
        case KVM_EXIT_IO:
            return AddressKind::Port;
        case KVM_EXIT_MMIO:
            return AddressKind::Memory;
        case KVM_EXIT_X86_RDMSR:
        case KVM_EXIT_X86_WRMSR:
            return AddressKind::Msr;
        default:
            return AddressKind::None;
    }
}

std::optional<std::uint32_t> KvmReasons::find(std::string_view name) const {
    for (const auto& [number, text] : kKvmNames)
        if (equal_ignoring_case(text, name))
            return number;
    return parse_reason_number(name);
}

AddressKind HardwareReasons::address_kind(std::uint32_t reason) const {
    return kind_ == x86::VirtualizationKind::Vmx ? vmx_address_kind(reason) : svm_address_kind(reason);
}

std::optional<std::uint32_t> HardwareReasons::find(std::string_view name) const {
    if (const auto reason = x86::find_exit(kind_, name))
        return reason;
    return parse_reason_number(name);
}

}  // namespace ringside::exits
