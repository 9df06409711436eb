// `ringside run` and `ringside gdb`.
#pragma once

#include "vmm/cli/options.h"

namespace ringside::cli {

// Returns the exit status; errors are one line on stderr.
int run(const RunOptions& options);
int run_with_gdb(RunOptions options);

}  // namespace ringside::cli
