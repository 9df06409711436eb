// `monitor lapic|ioapic|pic|pit|irq`
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_interrupt_commands(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
