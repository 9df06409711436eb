// How the two families of clients name a stop's reason.
#pragma once

#include <string_view>

#include "gdbstub/target.h"

namespace ringside::gdbstub {

// The signal number in a stop reply.
Signal stop_signal(const StopReason& reason);

// The word in LLDB's `reason:`.
std::string_view lldb_reason(const StopReason& reason);

}  // namespace ringside::gdbstub
