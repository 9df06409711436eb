#include "vmm/exits/hardware/hardware_exits.h"

#include <fmt/format.h>

#include <algorithm>

#include "arch/x86_64/msr_names.h"
#include "vmm/base/text.h"

namespace ringside::exits {
namespace {

using x86::VirtualizationKind;

// A port access's direction and size, from the qualification (SDM volume 3, table 28-5) or EXITINFO1 (APM
// volume 2, 15.10.2). The port is in bits 16-31 of both.
void add_port(ExitRecord& record, const x86::HardwareExit& exit) {
    record.address = exit.info1 >> 16 & 0xffff;
    if (exit.kind == VirtualizationKind::Vmx) {
        record.direction = (exit.info1 & 0x8) != 0 ? Direction::Read : Direction::Write;
        record.size = static_cast<std::uint8_t>((exit.info1 & 0x7) + 1);
        return;
    }
    record.direction = (exit.info1 & 0x1) != 0 ? Direction::Read : Direction::Write;
    for (const unsigned size : {1U, 2U, 4U})
        if ((exit.info1 & std::uint64_t{size} << 4) != 0)
            record.size = static_cast<std::uint8_t>(size);
}

// An EPT violation (SDM table 28-7: bit 0 read, 1 write) or nested page fault (APM 15.25.6: bit 1 write;
// info2 is the gpa).
void add_memory(ExitRecord& record, x86::HardwareExit& exit) {
    record.direction = (exit.info1 & 0x2) != 0 ? Direction::Write : Direction::Read;
    record.address = kUnknownAddress;
    if (exit.kind == VirtualizationKind::Svm) {
        record.address = exit.info2;
        exit.gpa = Gpa{exit.info2};
    }
}

void add_msr(ExitRecord& record, const x86::HardwareExit& exit) {
    const bool write = exit.kind == VirtualizationKind::Svm
                           ? exit.info1 != 0
                           : record.reason == static_cast<std::uint32_t>(x86::VmxExitReason::MsrWrite);
    record.direction = write ? Direction::Write : Direction::Read;
    record.size = 8;
    record.address = kUnknownAddress;
    record.value = 0;
}

// KVM handles these itself, whatever L2's hypervisor intercepts.
bool is_host_event(VirtualizationKind kind, std::uint32_t reason) {
    using Svm = x86::SvmExitCode;
    if (kind == VirtualizationKind::Vmx)
        return reason == static_cast<std::uint32_t>(x86::VmxExitReason::ExternalInterrupt);
    return reason == static_cast<std::uint32_t>(Svm::Interrupt) ||
           reason == static_cast<std::uint32_t>(Svm::Nmi) || reason == static_cast<std::uint32_t>(Svm::Smi);
}

}  // namespace

bool KvmTracepoints::tell_levels() const {
    const auto has = [this](std::string_view name) {
        return std::ranges::find(details, name, &TracepointFormat::name) != details.end();
    };
    return has("kvm_nested_vmexit") && has("kvm_nested_vmexit_inject");
}

void HypervisorEvents::count_entry(std::uint64_t control, std::uint64_t count) {
    if (entries.size() < kMostControls || entries.contains(control))
        entries[control] += count;
    else
        other_entries += count;
}

HypervisorEvents& HypervisorEvents::operator+=(const HypervisorEvents& other) {
    for (const auto& [control, count] : other.entries)
        count_entry(control, count);
    other_entries += other.other_entries;
    failed_entries += other.failed_entries;
    for (const auto& [reason, count] : other.made)
        made[reason] += count;
    return *this;
}

std::optional<LevelledExit> HardwareExitDecoder::decode(std::span<const std::byte> raw, std::uint64_t time) {
    const auto type = tracepoints_.exit.read(raw, "common_type");
    if (!type)
        return std::nullopt;
    if (*type == tracepoints_.exit.id) {
        begin_exit(raw, time);
        return std::nullopt;
    }
    if (*type == tracepoints_.entry.id) {
        std::optional<LevelledExit> finished = std::exchange(pending_, std::nullopt);
        if (finished)
            finished->hardware.record.handled = time;
        forget_handling();
        entered_ = time;
        return finished;
    }
    for (const TracepointFormat& format : tracepoints_.details)
        if (*type == format.id)
            add_detail(format, raw);
    return std::nullopt;
}

void HardwareExitDecoder::forget() {
    if (pending_)
        ++unpaired_;
    pending_.reset();
    forget_handling();
    entered_.reset();
}

void HardwareExitDecoder::forget_handling() {
    entry_failure_.clear();
    made_.reset();
}

void HardwareExitDecoder::begin_exit(std::span<const std::byte> raw, std::uint64_t time) {
    if (pending_)
        ++unpaired_;
    pending_.reset();
    forget_handling();
    const auto field = [&](const char* name) { return tracepoints_.exit.read(raw, name).value_or(0); };
    const auto isa = field("isa");
    if (isa != static_cast<std::uint64_t>(VirtualizationKind::Vmx) &&
        isa != static_cast<std::uint64_t>(VirtualizationKind::Svm)) {
        ++unpaired_;
        return;
    }
    HardwareRecord exit;
    exit.exit.kind = static_cast<VirtualizationKind>(isa);
    exit.exit.reason = static_cast<std::uint32_t>(field("exit_reason"));
    exit.exit.info1 = field("info1");
    exit.exit.info2 = field("info2");
    exit.exit.intr_info = static_cast<std::uint32_t>(field("intr_info"));
    exit.exit.error_code = static_cast<std::uint32_t>(field("error_code"));
    exit.record.reason =
        exit.exit.kind == VirtualizationKind::Vmx ? exit.exit.reason & 0xffff : exit.exit.reason;
    exit.record.rip = field("guest_rip");
    exit.record.value = exit.exit.info1;
    exit.record.exited = time;
    exit.record.entered = entered_.value_or(time);
    switch (HardwareReasons(exit.exit.kind).address_kind(exit.record.reason)) {
        case AddressKind::Port:
            add_port(exit.record, exit.exit);
            break;
        case AddressKind::Memory:
            add_memory(exit.record, exit.exit);
            break;
        case AddressKind::Msr:
            add_msr(exit.record, exit.exit);
            break;
        case AddressKind::CpuidLeaf:
            exit.record.address = kUnknownAddress;
            break;
        case AddressKind::None:
            break;
    }
    pending_ = LevelledExit{exit, ExitLevel::L1};
}

void HardwareExitDecoder::add_detail(const TracepointFormat& format, std::span<const std::byte> raw) {
    if (format.name.starts_with("kvm_nested_"))
        add_nested(format, raw);
    else if (pending_)
        add_address(format, raw);
}

void HardwareExitDecoder::add_nested(const TracepointFormat& format, std::span<const std::byte> raw) {
    if (format.name == "kvm_nested_vmexit") {
        if (pending_)
            pending_->level = ExitLevel::L2ByKvm;
    } else if (format.name == "kvm_nested_vmexit_inject") {
        const bool vmx = format.read(raw, "isa") == static_cast<std::uint64_t>(VirtualizationKind::Vmx);
        add_vm_exit(vmx ? VirtualizationKind::Vmx : VirtualizationKind::Svm,
                    static_cast<std::uint32_t>(format.read(raw, "exit_code").value_or(0)));
    } else if (format.name == "kvm_nested_vmenter") {
        hypervisor_.count_entry(format.read(raw, "vmcb").value_or(0));
    } else if (format.name == "kvm_nested_vmenter_failed") {
        ++hypervisor_.failed_entries;
        entry_failure_ = format.read_text(raw, "msg").value_or(std::string());
    }
}

// KVM reports a VM exit to L1. It is the one that L2 has just made, unless that was an interrupt of the host's: the VM exit
// is then for an interrupt of L1's own.
void HardwareExitDecoder::add_vm_exit(VirtualizationKind kind, std::uint32_t reason) {
    if (pending_ && pending_->level == ExitLevel::L2ByKvm && pending_->hardware.exit.reason == reason &&
        !is_host_event(kind, reason)) {
        pending_->level = ExitLevel::L2ByHypervisor;
        return;
    }
    made_ = reason;
    ++hypervisor_.made[kind == VirtualizationKind::Vmx ? reason & 0xffff : reason];
}

void HardwareExitDecoder::add_address(const TracepointFormat& format, std::span<const std::byte> raw) {
    struct Detail {
        std::string_view event;
        const char* field;
        AddressKind kind;
    };
    constexpr Detail kDetails[] = {{"kvm_msr", "ecx", AddressKind::Msr},
                                   {"kvm_cpuid", "function", AddressKind::CpuidLeaf},
                                   {"kvm_page_fault", "fault_address", AddressKind::Memory},
                                   {"kvm_mmio", "gpa", AddressKind::Memory}};
    auto& [record, exit] = pending_->hardware;
    const AddressKind kind = HardwareReasons(exit.kind).address_kind(record.reason);
    for (const Detail& detail : kDetails) {
        if (format.name != detail.event || kind != detail.kind)
            continue;
        const auto address = format.read(raw, detail.field);
        if (!address)
            continue;
        record.address = *address;
        if (kind == AddressKind::Msr)
            record.value = format.read(raw, "data").value_or(0);
        if (kind == AddressKind::Memory)
            exit.gpa = Gpa{*address};
    }
}

std::string_view describe_level(ExitLevel level) {
    switch (level) {
        case ExitLevel::L2ByKvm:
            return ", of L2, handled by KVM";
        case ExitLevel::L2ByHypervisor:
            return ", of L2, passed on to the guest hypervisor (L1)";
        case ExitLevel::L1:
            break;
    }
    return {};
}

std::string describe_hardware_exit(const ExitRecord& record, const x86::HardwareExit& exit) {
    switch (HardwareReasons(exit.kind).address_kind(record.reason)) {
        case AddressKind::Msr: {
            const char* instruction = record.direction == Direction::Write ? "wrmsr" : "rdmsr";
            if (record.address == kUnknownAddress)
                return fmt::format("{}; KVM's events do not say which MSR", instruction);
            const auto name = x86::msr_name(static_cast<std::uint32_t>(record.address));
            return fmt::format("{} 0x{:x}{}{}: 0x{:x}", instruction, record.address, name.empty() ? "" : " ",
                               name, record.value);
        }
        case AddressKind::CpuidLeaf:
            return record.address == kUnknownAddress ? std::string()
                                                     : fmt::format("leaf 0x{:x}", record.address);
        default:
            return x86::describe_qualification(exit);
    }
}

TracepointReasons::TracepointReasons(x86::VirtualizationKind kind, const TracepointFormat& exit)
    : HardwareReasons(kind) {
    // The print format has VMX's table first (isa == 1) and SVM's second. The kernel spells SVM's in small
    // letters.
    const std::size_t index = kind == VirtualizationKind::Vmx ? 0 : 1;
    if (index >= exit.symbols.size())
        return;
    for (const auto& [reason, name] : exit.symbols[index]) {
        std::string upper = name;
        std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
            return c == ' ' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        });
        names_.emplace(reason, std::move(upper));
    }
}

std::string TracepointReasons::name(std::uint32_t reason) const {
    const auto found = names_.find(reason);
    return found != names_.end() ? found->second : HardwareReasons::name(reason);
}

std::optional<std::uint32_t> TracepointReasons::find(std::string_view name) const {
    for (const auto& [reason, known] : names_)
        if (equal_ignoring_case(known, name))
            return reason;
    return HardwareReasons::find(name);
}

}  // namespace ringside::exits
