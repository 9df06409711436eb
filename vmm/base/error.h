// The error value and the result type of the whole monitor.
#pragma once

#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <tl/expected.hpp>

#include "vmm/base/ids.h"

namespace ringside {

// What failed, why, and what to do about it. `operation` names the ioctl, file or step ("KVM_CREATE_VM",
// "load kernel.elf"); `reason` is a sentence, or empty if `code` (errno) says everything; `advice` may be empty.
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

// For TRY: the value of a result that has one.
template <typename T, typename E>
T value_of(tl::expected<T, E>&& result) {
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

}  // namespace ringside

// The value of a tl::expected; if it has an error instead, the enclosing function returns that error.
//     const auto image = TRY(parse_elf(file));
// Do not nest one in another.
#define TRY(expression)                                           \
    ({                                                            \
        auto try_result = (expression);                           \
        if (!try_result)                                          \
            return tl::unexpected(std::move(try_result).error()); \
        ::ringside::value_of(std::move(try_result));              \
    })
