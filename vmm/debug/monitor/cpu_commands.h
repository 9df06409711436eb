// `monitor msr|cpuid`
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_cpu_commands(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
