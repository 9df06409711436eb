// `ringside core`: serves a vmcore to a debugger as a stopped machine.
#pragma once

#include "vmm/cli/options.h"

namespace ringside::cli {

// Serves until a debugger ends the machine, or a signal ends this process. Returns the exit status.
int core(const CoreOptions& options);

}  // namespace ringside::cli
