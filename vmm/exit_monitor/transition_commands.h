// `monitor until vm-exit`, `monitor until vm-entry` and `monitor step over-guest`.
#pragma once

#include "vmm/debug/monitor/monitor.h"
#include "vmm/exit_monitor/exit_catches.h"
#include "vmm/exit_monitor/exit_names.h"

namespace ringside::debug {

void add_transition_commands(MonitorRegistry& registry, Debugger& debugger, ExitCatches& catches,
                             ExitNames& names);

}  // namespace ringside::debug
