// A client of a machine's control socket.
#pragma once

#include <string>

#include "vmm/base/error.h"

namespace ringside::cli {

// The answer to one line. The error says which program should listen there.
Result<std::string> ask_machine(const std::string& path, const std::string& line);

}  // namespace ringside::cli
