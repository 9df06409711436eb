// `monitor vmcs` and `monitor vmcb`: the control structure of a guest that is a hypervisor.
#pragma once

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

void add_vmcs_commands(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
