// A client of a machine's control socket.
#pragma once

#include <string>

#include "vmm/base/error.h"

namespace ringside::cli {

// The answer to one line. The socket is named by its path or, as for --control, by "unix:" and its path. The error
// says which program should listen there.
Result<std::string> ask_machine(const std::string& named, const std::string& line);

}  // namespace ringside::cli
