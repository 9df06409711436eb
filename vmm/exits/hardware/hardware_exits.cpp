#include "vmm/exits/hardware/hardware_exits.h"

#include <fmt/format.h>

#include <algorithm>

#include "arch/x86_64/msr_names.h"

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

}  // namespace

std::optional<HardwareRecord> HardwareExitDecoder::decode(std::span<const std::byte> raw,
                                                          std::uint64_t time) {
    const auto type = tracepoints_.exit.read(raw, "common_type");
    if (!type)
        return std::nullopt;
    if (*type == tracepoints_.exit.id) {
        begin_exit(raw, time);
        return std::nullopt;
    }
    if (*type == tracepoints_.entry.id) {
        std::optional<HardwareRecord> finished = std::exchange(pending_, std::nullopt);
        if (finished)
            finished->record.handled = time;
        entered_ = time;
        return finished;
    }
    for (const TracepointFormat& format : tracepoints_.details)
        if (*type == format.id && pending_)
            add_detail(format, raw);
    return std::nullopt;
}

void HardwareExitDecoder::forget() {
    if (pending_)
        ++unpaired_;
    pending_.reset();
    entered_.reset();
}

void HardwareExitDecoder::begin_exit(std::span<const std::byte> raw, std::uint64_t time) {
    if (pending_)
        ++unpaired_;
    pending_.reset();
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
    pending_ = exit;
}

void HardwareExitDecoder::add_detail(const TracepointFormat& format, std::span<const std::byte> raw) {
    struct Detail {
        std::string_view event;
        const char* field;
        AddressKind kind;
    };
    constexpr Detail kDetails[] = {{"kvm_msr", "ecx", AddressKind::Msr},
                                   {"kvm_cpuid", "function", AddressKind::CpuidLeaf},
                                   {"kvm_page_fault", "fault_address", AddressKind::Memory},
                                   {"kvm_mmio", "gpa", AddressKind::Memory}};
    const AddressKind kind = HardwareReasons(pending_->exit.kind).address_kind(pending_->record.reason);
    for (const Detail& detail : kDetails) {
        if (format.name != detail.event || kind != detail.kind)
            continue;
        const auto address = format.read(raw, detail.field);
        if (!address)
            continue;
        pending_->record.address = *address;
        if (kind == AddressKind::Msr)
            pending_->record.value = format.read(raw, "data").value_or(0);
        if (kind == AddressKind::Memory)
            pending_->exit.gpa = Gpa{*address};
    }
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
