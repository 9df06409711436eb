// `monitor exits counters`: all counts of exits at this moment, as JSON; `ringside top` compares them.
#pragma once

#include "vmm/debug/monitor/monitor.h"
#include "vmm/exit_monitor/exit_monitor.h"

namespace ringside::debug {

void add_counters_command(MonitorRegistry& registry, ExitMonitor& monitor);

}  // namespace ringside::debug
