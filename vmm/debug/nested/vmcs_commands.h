// `monitor vmcs` and `monitor vmcb`: the control structure of a guest that is a hypervisor.
#pragma once

#include <functional>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/debug/monitor/monitor.h"
#include "vmm/debug/nested/control_history.h"

namespace ringside::debug {

// The hardware exit that a vCPU came out of last. The error says why it is not known.
using LastHardwareExitOf = std::function<Result<x86::HardwareExit>(VcpuIndex)>;
void add_vmcs_commands(MonitorRegistry& registry, Debugger& debugger, const ControlHistory& history,
                       LastHardwareExitOf last_exit);

}  // namespace ringside::debug
