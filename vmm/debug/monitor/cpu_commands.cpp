#include "vmm/debug/monitor/cpu_commands.h"

#include <fmt/format.h>

#include <cstring>

#include "arch/x86_64/cpuid_bits.h"
#include "arch/x86_64/msr_names.h"
#include "vmm/debug/guest/msr_access.h"
#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {

namespace {

// ---- MSRs

Result<std::uint32_t> msr_number(std::string_view word) {
    if (const auto index = x86::msr_index(word))
        return *index;
    const auto number = parse_number(word);
    if (!number || *number > 0xffffffff)
        return failure("msr", fmt::format("\"{}\" is neither a known name nor a 32-bit number", word),
                       "`monitor msr` lists the names");
    return static_cast<std::uint32_t>(*number);
}

Result<std::uint64_t> msr_value(std::string_view word) {
    const auto value = word.starts_with('=') ? parse_number(word.substr(1)) : std::nullopt;
    if (!value)
        return failure("msr", fmt::format("\"{}\" is not a value to write", word),
                       "For example: monitor msr LSTAR =0x1000");
    return *value;
}

Cell msr_label(std::uint32_t index) {
    const auto name = x86::msr_name(index);
    return name.empty() ? Cell{nullptr, "-"} : words(name);
}

Answer& add_msrs(Answer& answer, std::vector<std::vector<Cell>> rows) {
    return answer.table("msrs", {"index", "name", "value"}, std::move(rows));
}

Result<Answer> all_msrs(machine::VcpuThread& vcpu) {
    std::vector<std::vector<Cell>> rows;
    for (const std::uint32_t index : x86::named_msrs()) {
        auto value = TRY(read_msr(vcpu, index));
        if (value)
            rows.push_back({hex(index), msr_label(index), hex(*value)});
    }
    Answer answer;
    return add_msrs(answer, std::move(rows))
        .note("MSRs that this host's KVM does not have are left out. Any other can be read by its number.");
}

Result<Answer> msr(Debugger& debugger, const Arguments& arguments) {
    machine::VcpuThread& vcpu = debugger.machine().vcpu(arguments.vcpu);
    if (arguments.words.empty())
        return all_msrs(vcpu);
    auto index = TRY(msr_number(arguments.words[0]));
    if (arguments.words.size() > 1) {
        auto value = TRY(msr_value(arguments.words[1]));
        TRY(write_msr(vcpu, index, value));
        if (debugger.stop_token() != nullptr)
            debugger.state(arguments.vcpu).forget();
    }
    auto value = TRY(read_msr(vcpu, index));
    if (!value)
        return failure("msr", fmt::format("this host's KVM does not have MSR 0x{:x}", index));
    Answer answer;
    return add_msrs(answer, {{hex(index), msr_label(index), hex(*value)}});
}

// ---- CPUID

// The vendors' leaves spell a name in EBX, EDX and ECX, a hypervisor's in EBX, ECX and EDX, and those of the brand string in
// all four.
std::string printable(std::initializer_list<std::uint32_t> registers) {
    std::string text;
    for (const std::uint32_t value : registers) {
        char bytes[sizeof value];
        std::memcpy(bytes, &value, sizeof value);
        for (const char c : bytes)
            text += c >= ' ' && c < 0x7f ? c : '.';
    }
    return text;
}

std::string meaning(const CpuidLeaf& leaf) {
    switch (leaf.leaf) {
        case x86::cpuid::kVendor:
        case x86::cpuid::kExtendedVendor:
            return printable({leaf.ebx, leaf.edx, leaf.ecx});
        case x86::cpuid::kHypervisorVendor:
            return printable({leaf.ebx, leaf.ecx, leaf.edx});
        case x86::cpuid::kBrand1:
        case x86::cpuid::kBrand2:
        case x86::cpuid::kBrand3:
            return printable({leaf.eax, leaf.ebx, leaf.ecx, leaf.edx});
        default:
            return {};
    }
}

Result<std::vector<std::uint64_t>> numbers(const Arguments& arguments) {
    std::vector<std::uint64_t> values;
    for (const std::string_view word : arguments.words) {
        const auto value = parse_number(word);
        if (!value || *value > 0xffffffff)
            return failure("cpuid", fmt::format("\"{}\" is not a 32-bit number", word));
        values.push_back(*value);
    }
    return values;
}

Result<Answer> cpuid(Debugger& debugger, const Arguments& arguments) {
    auto wanted = TRY(numbers(arguments));
    auto leaves = TRY(cpuid_leaves(debugger.machine().vcpu(arguments.vcpu)));
    std::vector<std::vector<Cell>> rows;
    for (const CpuidLeaf& leaf : leaves) {
        if ((!wanted.empty() && leaf.leaf != wanted[0]) ||
            (wanted.size() > 1 && leaf.subleaf.value_or(0) != wanted[1]))
            continue;
        rows.push_back({hex(leaf.leaf), leaf.subleaf ? number(*leaf.subleaf) : Cell{nullptr, "-"},
                        hex(leaf.eax), hex(leaf.ebx), hex(leaf.ecx), hex(leaf.edx), words(meaning(leaf))});
    }
    if (rows.empty())
        return failure("cpuid", "the vCPU was given no such leaf", "`monitor cpuid` lists those that it has");
    return Answer().table("leaves", {"leaf", "subleaf", "eax", "ebx", "ecx", "edx", "text"}, std::move(rows));
}

}  // namespace

void add_cpu_commands(MonitorRegistry& registry, Debugger& debugger) {
    add_answering(registry, debugger,
                  {"msr", "[NAME|NUMBER [=VALUE]]",
                   "a model-specific register, or all that Ringside has names for; =VALUE writes it", 2,
                   [&](const Arguments& arguments) { return msr(debugger, arguments); }});
    add_answering(registry, debugger,
                  {"cpuid", "[LEAF [SUBLEAF]]", "the vCPU's CPUID", 2,
                   [&](const Arguments& arguments) { return cpuid(debugger, arguments); }});
}

}  // namespace ringside::debug
