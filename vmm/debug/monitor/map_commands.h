// `monitor vmmap|info mem|info tlb|find-phys`
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_map_commands(MonitorRegistry& registry, Inspected& guest);

}  // namespace ringside::debug
