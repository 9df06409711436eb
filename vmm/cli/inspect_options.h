// The options of the commands that look at a machine which another process runs, or at a dump of one.
#pragma once

#include "vmm/cli/declared_options.h"
#include "vmm/cli/options.h"

namespace ringside::cli {

void add_ctl_options(DeclaredOptions& app, CtlOptions& options);
// What is left on the line of `ringside ctl` belongs to the monitor.
void finish_ctl(DeclaredOptions& app, CtlOptions& options);

void add_core_options(DeclaredOptions& app, CoreOptions& options);
void finish_core(CoreOptions& options);

void add_top_options(DeclaredOptions& app, TopOptions& options);

}  // namespace ringside::cli
