// `monitor dump`
#pragma once

#include <string>

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

// Writes a vmcore of the stopped guest and says in a sentence what is in it. `mapped_by` is the vCPU whose page
// tables give the virtual addresses.
Result<std::string> dump(Debugger& debugger, const std::string& path, VcpuIndex mapped_by);

void add_dump_command(MonitorRegistry& registry, Debugger& debugger);

}  // namespace ringside::debug
