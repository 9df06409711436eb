// `ringside ctl`: a monitor command for a running machine, by its control socket.
#pragma once

#include "vmm/cli/options.h"

namespace ringside::cli {

// Prints the answer to stdout; returns the exit status.
int ctl(const CtlOptions& options);

}  // namespace ringside::cli
