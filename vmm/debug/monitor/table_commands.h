// `monitor idt|gdt|tss`
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_table_commands(MonitorRegistry& registry, Inspected& guest);

}  // namespace ringside::debug
