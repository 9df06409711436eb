// `monitor why-no-irq` and `monitor events`
#pragma once

#include "vmm/debug/monitor/answer.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_event_commands(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
