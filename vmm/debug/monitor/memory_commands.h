// `monitor xp|pmemsave|phys|port|disas`
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_memory_commands(MonitorRegistry& registry, Inspected& guest);
void add_memory_writing_command(MonitorRegistry& registry, Debugger& debugger);
void add_port_commands(MonitorRegistry& registry, Debugger& debugger);
void add_disassembly_command(MonitorRegistry& registry, Inspected& guest);

}  // namespace ringside::debug
