// `monitor vmcs list`, `vmcs write`, `vmcb list` and `vmcb write`.
#pragma once

#include "vmm/debug/monitor/monitor.h"
#include "vmm/debug/nested/seen_controls.h"

namespace ringside::debug {

// At each stop: notes what each vCPU uses.
void note_controls(Debugger& debugger, SeenControls& seen);

void add_control_commands(MonitorRegistry& registry, Debugger& debugger, SeenControls& seen);

}  // namespace ringside::debug
