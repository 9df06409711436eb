// `monitor nmi|inject|stop|cont|system_reset`
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_act_commands(MonitorRegistry& registry, Debugger& debugger);
// `monitor guest-stop`
void add_guest_stop_command(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
