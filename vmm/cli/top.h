// `ringside top`: the exits of a running machine, by its control socket.
#pragma once

#include "vmm/cli/options.h"

namespace ringside::cli {

// Shows them until the machine ends or a signal arrives; returns the exit status.
int top(const TopOptions& options);

}  // namespace ringside::cli
