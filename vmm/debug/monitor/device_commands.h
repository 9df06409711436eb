// `monitor devices|mtree`
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_device_commands(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
