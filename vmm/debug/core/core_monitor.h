// `monitor` commands over a vmcore: those that only look. The others are refused by name.
#pragma once

#include "vmm/debug/core/core_target.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

class CoreMonitor final : public gdbstub::Monitor {
  public:
    explicit CoreMonitor(CoreTarget& core);
    std::string run(gdbstub::ThreadId thread, std::string_view line) override;

  private:
    MonitorRegistry registry_;
};

}  // namespace ringside::debug
