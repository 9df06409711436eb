// A client of a machine's control socket.
#pragma once

#include <string>

#include "gdbstub/target.h"
#include "vmm/base/error.h"

namespace ringside::cli {

// The machine's answer to one command. The socket is named by its path or, as for --control, by "unix:" and its path. The error
// says which program should listen there.
Result<gdbstub::MonitorAnswer> ask_machine(const std::string& named, const std::string& command);

}  // namespace ringside::cli
