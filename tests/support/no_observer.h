// An observer for machines whose vCPU threads a test never runs.
#pragma once

#include "vmm/machine/vcpu_thread.h"

namespace ringside::testing {

class NoObserver final : public machine::VcpuObserver {
  public:
    void on_debug_exit(machine::VcpuThread&) override {}
    void on_fatal_exit(machine::VcpuThread&, machine::FatalExit) override {}
    void on_parked(machine::VcpuThread&) override {}
    void before_entry(machine::VcpuThread&) override {}
    void on_exit(machine::VcpuThread&, const exits::ExitRecord&) override {}
};

}  // namespace ringside::testing
