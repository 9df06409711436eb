// `monitor nmi|inject|stop|cont|system_reset`
#pragma once

#include <functional>

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_act_commands(MonitorRegistry& registry, Debugger& debugger);
// `monitor system_powerdown`. `press` returns true if the guest gets an interrupt for it.
void add_power_button_command(MonitorRegistry& registry, Debugger& debugger, std::function<bool()> press);
// `monitor guest-stop`
void add_guest_stop_command(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
