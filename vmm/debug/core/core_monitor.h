// `monitor` commands for a vmcore: those that only read. The others are refused by name.
#pragma once

#include "vmm/debug/core/core_target.h"
#include "vmm/debug/linux/linux_guest.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

class CoreMonitor final : public gdbstub::Monitor {
  public:
    explicit CoreMonitor(CoreTarget& core);
    gdbstub::MonitorAnswer run(gdbstub::ThreadId thread, std::string_view line) override;
    LinuxGuest& linux_kernel() { return linux_; }

  private:
    LinuxGuest linux_;
    MonitorRegistry registry_;
};

}  // namespace ringside::debug
