// Strong types and the error value that every part of the monitor shares.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include <tl/expected.hpp>

#include "arch/x86_64/address.h"

namespace ringside {

using x86::Gpa;
using x86::Gva;

// A vCPU's index, from 0. Threads in gdb's sense count from 1; vmm/debug/thread_ids.h converts.
struct VcpuIndex {
    std::uint32_t value = 0;
    friend constexpr auto operator<=>(const VcpuIndex&, const VcpuIndex&) = default;
};

// A global system interrupt: an input of the in-kernel irqchip's routing table.
struct Gsi {
    std::uint32_t value = 0;
    friend constexpr auto operator<=>(const Gsi&, const Gsi&) = default;
};

// What failed, why, and what to do about it. `operation` names the ioctl, file or step ("KVM_CREATE_VM",
// "load kernel.elf"); `reason` is a sentence, or empty when `code` (errno) says it all; `advice` may be
// empty.
struct Error {
    std::string operation;
    std::string reason;
    int code = 0;
    std::optional<VcpuIndex> vcpu;
    std::string advice;

    // One line: "KVM_RUN on vCPU 1: Bad address (EFAULT). Advice."
    std::string message() const {
        std::string text = operation;
        if (vcpu)
            text += " on vCPU " + std::to_string(vcpu->value);
        text += ": ";
        text += reason;
        if (code != 0) {
            if (!reason.empty())
                text += ": ";
            text += std::generic_category().message(code);
        }
        if (!advice.empty())
            text += ". " + advice;
        return text;
    }
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> failure(std::string operation, std::string reason, std::string advice = {}) {
    return tl::unexpected<Error>(
        Error{std::move(operation), std::move(reason), 0, std::nullopt, std::move(advice)});
}

inline tl::unexpected<Error> errno_failure(std::string operation, int code, std::string advice = {}) {
    return tl::unexpected<Error>(Error{std::move(operation), {}, code, std::nullopt, std::move(advice)});
}

}  // namespace ringside
