// `monitor exits counters`: every count of the exits at this moment, as JSON, for who compares two moments (`ringside top`).
#pragma once

#include "vmm/debug/monitor/monitor.h"
#include "vmm/exit_monitor/exit_monitor.h"

namespace ringside::debug {

void add_counters_command(MonitorRegistry& registry, ExitMonitor& monitor);

}  // namespace ringside::debug
