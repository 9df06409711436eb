// The monitor's errors in the stub's terms.
#pragma once

#include <cerrno>

#include "gdbstub/target.h"
#include "vmm/base/error.h"

namespace ringside::debug {

inline gdbstub::TargetError target_error(const Error& error,
                                         gdbstub::TargetError::Code code = gdbstub::TargetError::Code::Io) {
    return {code, error.message()};
}

inline tl::unexpected<gdbstub::TargetError> refuse(gdbstub::TargetError::Code code, std::string message) {
    return tl::unexpected<gdbstub::TargetError>(gdbstub::TargetError{code, std::move(message)});
}

inline tl::unexpected<gdbstub::TargetError> refuse(
    const Error& error, gdbstub::TargetError::Code code = gdbstub::TargetError::Code::Io) {
    return tl::unexpected<gdbstub::TargetError>(target_error(error, code));
}

// For calls that need a stopped guest. The session makes none of them while it runs, but an error is better
// than a wrong answer.
inline tl::unexpected<gdbstub::TargetError> still_running() {
    return refuse(gdbstub::TargetError::Code::Invalid, "the guest is running: interrupt it first");
}

}  // namespace ringside::debug
