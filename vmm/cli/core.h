// `ringside core`: serves a vmcore to a debugger as a machine that has stopped.
#pragma once

#include "vmm/cli/options.h"

namespace ringside::cli {

// Serves until a debugger ends the machine, or a signal this process. Returns the exit status.
int core(const CoreOptions& options);

}  // namespace ringside::cli
