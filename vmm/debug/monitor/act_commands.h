// `monitor nmi|inject|stop|cont|system_reset`
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_act_commands(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
