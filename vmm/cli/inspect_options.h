// The options of the commands that examine a machine of another process, or the dump of one.
#pragma once

#include "vmm/cli/declared_options.h"
#include "vmm/cli/options.h"

namespace ringside::cli {

void add_ctl_options(DeclaredOptions& app, CtlOptions& options);
// The rest of the line of `ringside ctl` belongs to the monitor.
void finish_ctl(DeclaredOptions& app, CtlOptions& options);

void add_core_options(DeclaredOptions& app, CoreOptions& options);
void finish_core(CoreOptions& options);

void add_top_options(DeclaredOptions& app, TopOptions& options);

}  // namespace ringside::cli
