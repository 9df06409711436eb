#include "vmm/exits/record/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "arch/x86_64/entry_failures.h"
#include "arch/x86_64/vmx_exits.h"

namespace ringside::exits {
namespace {

using Words = std::span<const __u64>;

constexpr std::uint64_t kReasonKnown = std::uint64_t{1} << 32;
constexpr std::size_t kInstructionWords = 2;  // a length byte and 15 bytes
constexpr std::size_t kMaximumInstruction = 15;

// The data words: as many as KVM says there are, but no more than fit.
Words data_of(const kvm_run& run) {
    return Words(run.internal.data)
        .first(std::min<std::size_t>(run.internal.ndata, std::size(run.internal.data)));
}

std::string suberror_name(std::uint64_t suberror) {
    switch (suberror) {
        case KVM_INTERNAL_ERROR_EMULATION:
            return "emulation failure";
        case KVM_INTERNAL_ERROR_SIMUL_EX:
            return "two exceptions at once";
        case KVM_INTERNAL_ERROR_DELIVERY_EV:
            return "an exit while an event was delivered";
        case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
            return "unexpected exit reason";
        default:
            return fmt::format("suberror {}", suberror);
    }
}

// "EPT_VIOLATION (0x30)", or "0x30" if the kind of processor is not known.
std::string reason_text(std::uint64_t reason, HostKind kind) {
    std::string number = fmt::format("0x{:x}", reason);
    if (!kind)
        return number;
    const auto code = static_cast<std::uint32_t>(reason);
    const std::string name =
        x86::exit_name(*kind, *kind == x86::VirtualizationKind::Vmx ? code & 0xffff : code);
    return name.starts_with("0x") ? number : fmt::format("{} ({})", name, number);
}

// An exit with its qualification in words.
std::string exit_text(const x86::HardwareExit& exit, HostKind kind) {
    std::string text = reason_text(exit.reason, kind);
    const std::string words = kind ? x86::describe_qualification(exit) : std::string();
    return words.empty() ? text : text + ": " + words;
}

void add_rest(std::vector<std::string>& lines, Words rest) {
    if (rest.empty())
        return;
    std::string text = "further data of KVM's, undocumented:";
    for (const std::uint64_t word : rest)
        text += fmt::format(" 0x{:x}", word);
    lines.push_back(std::move(text));
}

std::string instruction_text(Words words) {
    std::array<std::uint8_t, kInstructionWords * sizeof(__u64)> bytes{};
    std::memcpy(bytes.data(), words.data(), bytes.size());
    std::string text = "the instruction as KVM fetched it:";
    const std::size_t length = std::min<std::size_t>(bytes[0], kMaximumInstruction);
    for (std::size_t i = 1; i <= length; ++i)
        text += fmt::format(" {:02x}", bytes[i]);
    return text;
}

// The exit that an emulation failure reports, after its flags and instruction bytes.
struct EmulationData {
    std::uint64_t flags = 0;
    Words instruction;
    Words exit;  // reason, info1, info2, intr_info, error code
    Words rest;
};

EmulationData emulation_data(Words data) {
    constexpr std::size_t kExitWords = 5;
    EmulationData split;
    if (data.empty())
        return split;
    split.flags = data[0];
    data = data.subspan(1);
    if ((split.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0) {
        const std::size_t words = std::min(kInstructionWords, data.size());
        if (words == kInstructionWords)
            split.instruction = data.first(words);
        data = data.subspan(words);
    }
    if (data.size() >= kExitWords) {
        split.exit = data.first(kExitWords);
        data = data.subspan(kExitWords);
    }
    split.rest = data;
    return split;
}

x86::HardwareExit exit_of(Words words, HostKind kind) {
    x86::HardwareExit exit;
    exit.kind = kind.value_or(x86::VirtualizationKind::Vmx);
    exit.reason = static_cast<std::uint32_t>(words[0]);
    exit.info1 = words[1];
    exit.info2 = words[2];
    exit.intr_info = static_cast<std::uint32_t>(words[3]);
    exit.error_code = static_cast<std::uint32_t>(words[4]);
    return exit;
}

void describe_emulation(std::vector<std::string>& lines, Words data, HostKind kind) {
    const EmulationData split = emulation_data(data);
    const std::uint64_t unknown =
        split.flags & ~std::uint64_t{KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES};
    if (unknown != 0)
        lines.push_back(
            fmt::format("emulation flags 0x{:x}, of which 0x{:x} is not known here", split.flags, unknown));
    if (!split.instruction.empty())
        lines.push_back(instruction_text(split.instruction));
    if (!split.exit.empty()) {
        const x86::HardwareExit exit = exit_of(split.exit, kind);
        lines.push_back("KVM was handling exit " + exit_text(exit, kind));
        lines.push_back(fmt::format("info1 0x{:x}  info2 0x{:x}  intr_info 0x{:x}  error code 0x{:x}",
                                    exit.info1, exit.info2, exit.intr_info, exit.error_code));
    }
    add_rest(lines, split.rest);
}

// Vectoring information, exit reason, qualification, the gpa (of an EPT misconfiguration, or always
// since 6.14), the host CPU of the last entry.
void describe_delivery(std::vector<std::string>& lines, Words data, HostKind kind) {
    if (data.size() < 3)
        return add_rest(lines, data);
    lines.push_back("being delivered: " +
                    x86::describe_interruption(static_cast<std::uint32_t>(data[0] & ~0x800U), 0));
    x86::HardwareExit exit;
    exit.kind = kind.value_or(x86::VirtualizationKind::Vmx);
    exit.reason = static_cast<std::uint32_t>(data[1]);
    exit.info1 = data[2];
    constexpr std::size_t kWithGpa = 5;
    constexpr __u64 kNoGpa = ~__u64{0};
    if (data.size() >= kWithGpa && data[3] != kNoGpa)
        exit.gpa = x86::Gpa{data[3]};
    lines.push_back("the exit: " + exit_text(exit, kind));
    lines.push_back(fmt::format("vectoring information 0x{:x}  qualification 0x{:x}", data[0], data[2]));
    if (exit.gpa)
        lines.push_back(fmt::format("gpa 0x{:x}", exit.gpa->value));
    if (data.size() > 3)
        lines.push_back(fmt::format("last entered on the host's CPU {}", data.back()));
}

// The exit reason, then the host CPU of the last entry.
void describe_unexpected(std::vector<std::string>& lines, Words data, HostKind kind) {
    if (data.empty())
        return;
    lines.push_back("KVM has no handler for exit " + reason_text(data[0], kind));
    if (data.size() > 1)
        lines.push_back(fmt::format("last entered on the host's CPU {}", data[1]));
    if (data.size() > 2)
        add_rest(lines, data.subspan(2));
}

// The hardware reason among an internal error's data.
std::optional<std::uint32_t> hardware_reason(const kvm_run& run) {
    const Words data = data_of(run);
    switch (run.internal.suberror) {
        case KVM_INTERNAL_ERROR_EMULATION: {
            const Words exit = emulation_data(data).exit;
            return exit.empty() ? std::nullopt : std::optional(static_cast<std::uint32_t>(exit[0]));
        }
        case KVM_INTERNAL_ERROR_DELIVERY_EV:
            return data.size() < 3 ? std::nullopt : std::optional(static_cast<std::uint32_t>(data[1]));
        case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
            return data.empty() ? std::nullopt : std::optional(static_cast<std::uint32_t>(data[0]));
        default:
            return std::nullopt;
    }
}

std::vector<std::string> describe_internal_error(const kvm_run& run, HostKind kind) {
    std::vector<std::string> lines = {"KVM_EXIT_INTERNAL_ERROR: " + suberror_name(run.internal.suberror)};
    const Words data = data_of(run);
    switch (run.internal.suberror) {
        case KVM_INTERNAL_ERROR_EMULATION:
            describe_emulation(lines, data, kind);
            break;
        case KVM_INTERNAL_ERROR_DELIVERY_EV:
            describe_delivery(lines, data, kind);
            break;
        case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
            describe_unexpected(lines, data, kind);
            break;
        default:
            add_rest(lines, data);
    }
    return lines;
}

}  // namespace

std::vector<std::string> describe_failure(const kvm_run& run, HostKind kind) {
    if (run.exit_reason == KVM_EXIT_INTERNAL_ERROR)
        return describe_internal_error(run, kind);
    if (run.exit_reason != KVM_EXIT_FAIL_ENTRY)
        return {};
    return {"KVM_EXIT_FAIL_ENTRY: the processor refused to enter the guest",
            x86::describe_entry_failure(kind, run.fail_entry.hardware_entry_failure_reason),
            fmt::format("on the host's CPU {}", run.fail_entry.cpu)};
}

void note_failure(ExitRecord& record, const kvm_run& run) {
    if (run.exit_reason == KVM_EXIT_FAIL_ENTRY) {
        record.value = run.fail_entry.hardware_entry_failure_reason;
        return;
    }
    record.address = run.internal.suberror;
    if (const auto reason = hardware_reason(run))
        record.value = kReasonKnown | *reason;
}

std::string describe_failure(const ExitRecord& record, HostKind kind) {
    if (record.reason == KVM_EXIT_FAIL_ENTRY)
        return x86::describe_entry_failure(kind, record.value);
    if (record.reason != KVM_EXIT_INTERNAL_ERROR)
        return {};
    std::string text = suberror_name(record.address);
    if ((record.value & kReasonKnown) != 0)
        text += ", exit " + reason_text(record.value & ~kReasonKnown, kind);
    return text;
}

}  // namespace ringside::exits
