// `monitor vmcs` and `monitor vmcb`: the control structure of a guest that is a hypervisor.
#pragma once

#include <functional>
#include <optional>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

// The hardware exit that a vCPU came out of last, if it is known.
using LastHardwareExitOf = std::function<std::optional<x86::HardwareExit>(VcpuIndex)>;
void add_vmcs_commands(MonitorRegistry& registry, Debugger& debugger, LastHardwareExitOf last_exit);

}  // namespace ringside::debug
