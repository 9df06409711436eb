// The message to the user about an exit that a rule of `monitor exits catch` has caught.
//
// Threading: the vCPUs' threads, several at once.
#pragma once

#include <functional>
#include <string>

#include "vmm/debug/target/debugger.h"
#include "vmm/exit_monitor/catch_entry.h"
#include "vmm/exit_monitor/exit_names.h"
#include "vmm/exit_monitor/transitions.h"

namespace ringside::debug {

class CatchHits {
  public:
    // Names the hardware exit that parked a vCPU.
    using LastExit = std::function<LastHardwareExit(VcpuIndex)>;
    CatchHits(Debugger& debugger, ExitNames& names, LastExit last_hardware_exit)
        : debugger_(debugger), names_(names), last_hardware_exit_(std::move(last_hardware_exit)) {}

    // Count a hit, and return the line for the user; empty if the rule does not stop at this hit.
    std::string in_userspace(CatchEntry& entry, const exits::ExitRecord& exit) const;
    std::string in_hardware(CatchEntry& entry, machine::VcpuThread& thread,
                            const exits::ExitRecord& exit) const;

  private:
    std::string hit(CatchEntry& entry, const exits::ExitRecord& exit, const std::string& what) const;

    Debugger& debugger_;
    ExitNames& names_;
    LastExit last_hardware_exit_;
    exits::KvmReasons reasons_;
};

}  // namespace ringside::debug
