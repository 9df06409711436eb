// `monitor level`: to which level a client's addresses belong, a hypervisor's (L1) or its guest's (L2).
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_level_command(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
