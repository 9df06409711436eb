// `monitor exits catch`, `uncatch` and `list`.
#pragma once

#include "vmm/debug/exit_catches.h"
#include "vmm/debug/monitor.h"

namespace ringside::debug {

void add_catch_commands(MonitorRegistry& registry, Debugger& debugger, ExitCatches& catches);

}  // namespace ringside::debug
