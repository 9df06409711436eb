// `monitor registers|translate`
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_state_commands(MonitorRegistry& registry, Inspected& guest);

}  // namespace ringside::debug
