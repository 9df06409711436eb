#include "vmm/debug/monitor/register_words.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "arch/x86_64/register_value.h"
#include "vmm/base/text.h"

namespace ringside::debug {

namespace {

// 64-bit names first; `eip` and its like are names of the 32-bit set.
const x86::RegisterFile* file_with(std::string_view name) {
    static const std::array files{x86::RegisterFile({}, x86::GdbArchitecture::X86_64),
                                  x86::RegisterFile({}, x86::GdbArchitecture::I386)};
    for (const auto& file : files) {
        if (file.find(name) != nullptr)
            return &file;
    }
    return nullptr;
}

Result<std::uint64_t> value_of(std::string_view name, const RegistersNow& now) {
    const auto* file = file_with(name);
    const auto* info = file != nullptr ? file->find(name) : nullptr;
    if (info == nullptr)
        return failure(fmt::format("${}", name), "there is no register of this name");
    x86::CpuState state;
    state.general = now.general;
    state.system = now.system;
    const auto value = x86::register_value(*file, state, *info);
    if (!value)
        return failure(fmt::format("${}", name), "only general and system registers can be named here");
    return *value;
}

std::optional<VcpuIndex> named_vcpu(std::span<const std::string_view> words, std::size_t count) {
    const auto name = std::ranges::find(words, "vcpu");
    if (name == words.end() || name + 1 == words.end())
        return std::nullopt;
    const auto index = parse_number(name[1]);
    return index && *index < count ? std::optional(VcpuIndex{static_cast<std::uint32_t>(*index)})
                                   : std::nullopt;
}

}  // namespace

Result<std::string> with_register_values(Inspected& guest, VcpuIndex vcpu, std::string_view text) {
    const std::string_view now_part = text.substr(0, std::min(text.find(" if "), text.size()));
    if (now_part.find('$') == std::string_view::npos)
        return std::string(text);
    const auto words = split_words(now_part);
    const auto now = TRY(guest.registers_now(named_vcpu(words, guest.vcpu_count()).value_or(vcpu)));
    std::string result;
    for (const std::string_view word : words) {
        result += result.empty() ? "" : " ";
        if (word.starts_with('$'))
            result += fmt::format("{:#x}", TRY(value_of(word.substr(1), now)));
        else
            result += word;
    }
    return result.append(text.substr(now_part.size()));
}

}  // namespace ringside::debug
