// `monitor exits catch`, `uncatch` and `list`.
#pragma once

#include "vmm/debug/monitor/monitor.h"
#include "vmm/exit_monitor/exit_catches.h"

namespace ringside::debug {

void add_catch_commands(MonitorRegistry& registry, Debugger& debugger, ExitCatches& catches);

}  // namespace ringside::debug
