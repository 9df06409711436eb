// The one error type of the stub, and the macro that returns an error to the caller.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <tl/expected.hpp>

namespace ringside::gdbstub {

// Why a request could not be carried out. `code` becomes Enn where the protocol does not allow words.
struct TargetError {
    enum class Code : std::uint8_t {
        Io = 5,            // the machine refused (EIO)
        Fault = 14,        // the address is not mapped or not backed (EFAULT)
        Invalid = 22,      // the request makes no sense here (EINVAL)
        NoSpace = 28,      // no breakpoint slot or other resource is free (ENOSPC)
        Unsupported = 95,  // this host cannot do it (EOPNOTSUPP)
    };
    Code code = Code::Io;
    std::string message;  // one sentence: operation, reason, what to do next
};

template <typename T>
using Result = tl::expected<T, TargetError>;

inline tl::unexpected<TargetError> failure(TargetError::Code code, std::string message) {
    return tl::unexpected(TargetError{code, std::move(message)});
}

// Of a packet whose arguments make no sense.
inline tl::unexpected<TargetError> malformed() {
    return failure(TargetError::Code::Invalid, "malformed packet");
}

// For STUB_TRY: the value of a result that has one.
template <typename T, typename E>
T value_of(tl::expected<T, E>&& result) {
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

}  // namespace ringside::gdbstub

// The value of a tl::expected; if it holds an error instead, the enclosing function returns that error.
//     const ThreadId thread = STUB_TRY(resolve(packet.thread));
// Do not nest one in another.
#define STUB_TRY(expression)                                           \
    ({                                                                 \
        auto stub_try_result = (expression);                           \
        if (!stub_try_result)                                          \
            return tl::unexpected(std::move(stub_try_result).error()); \
        ::ringside::gdbstub::value_of(std::move(stub_try_result));     \
    })
