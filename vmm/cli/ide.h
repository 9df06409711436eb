// `ringside ide`: writes an IDE's configuration for the user's kernel.
#pragma once

#include "vmm/cli/options.h"

namespace ringside::cli {

// Returns the exit status.
int ide(const IdeOptions& options);

}  // namespace ringside::cli
