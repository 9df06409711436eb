#include "arch/x86_64/exit_reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "arch/x86_64/svm_exits.h"
#include "arch/x86_64/vmx_exits.h"

namespace ringside::x86 {

namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
}

// Every code that can have a name is below this, except SVM's two negative ones.
constexpr std::uint32_t kCodeEnd = 0x500;

}  // namespace

std::string exit_name(VirtualizationKind kind, std::uint32_t reason) {
    std::string known =
        kind == VirtualizationKind::Vmx ? std::string(vmx_exit_name(reason & 0xffff)) : svm_exit_name(reason);
    if (!known.empty())
        return known;
    return fmt::format("0x{:x}", kind == VirtualizationKind::Vmx ? reason & 0xffff : reason);
}

std::optional<std::uint32_t> find_exit(VirtualizationKind kind, std::string_view name) {
    const auto is_named = [&](std::uint32_t code) {
        return equal_ignoring_case(
            kind == VirtualizationKind::Vmx ? std::string(vmx_exit_name(code)) : svm_exit_name(code), name);
    };
    if (name.empty())
        return std::nullopt;
    for (std::uint32_t code = 0; code < kCodeEnd; ++code) {
        if (is_named(code))
            return code;
    }
    for (const auto code : {SvmExitCode::Busy, SvmExitCode::Invalid}) {
        if (kind == VirtualizationKind::Svm && is_named(static_cast<std::uint32_t>(code)))
            return static_cast<std::uint32_t>(code);
    }
    return std::nullopt;
}

std::string describe_qualification(const HardwareExit& exit) {
    return exit.kind == VirtualizationKind::Vmx ? describe_vmx_qualification(exit) : describe_svm_info(exit);
}

}  // namespace ringside::x86
