// `monitor level`: whose addresses a client's are, a hypervisor's (L1) or its guest's (L2).
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_level_command(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
