// `ringside exits`: a recorded run as tables, and as files for other programs.
#pragma once

#include "vmm/cli/options.h"

namespace ringside::cli {

// Prints to stdout; returns the exit status.
int exits(const ExitsOptions& options);

}  // namespace ringside::cli
