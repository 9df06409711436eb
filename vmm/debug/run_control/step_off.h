// Stepping off a breakpoint: the int3 is out of memory for every vCPU while one steps over the instruction under it, so
// the other vCPUs are parked for that long. A debug slot belongs to one vCPU and does not need this.
#pragma once

#include <optional>

#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/run_control/stop_coordinator.h"

namespace ringside::debug {

class StepOff {
  public:
    StepOff(VcpuIndex vcpu, BreakpointTable& table, StopCoordinator& coordinator)
        : vcpu_(vcpu), table_(table), coordinator_(coordinator) {}

    bool active() const { return active_; }
    // The breakpoint whose planted instruction a vCPU executes at an address; nullptr if the instruction there is the
    // guest's own, or because this step off has taken the planted one out of memory.
    Breakpoint* planted_at(const GuestView& view, const x86::SystemRegisters& system, Gva address) const;

    // Returns false if another vCPU does the same or a stop is under way: the breakpoint will be hit again.
    bool begin(const Breakpoint& breakpoint);
    // Without a breakpoint: the slot at this instruction is not armed for one step.
    void begin() {
        active_ = true;
        lifted_.reset();
    }
    // Puts the int3 back. Returns true if a step off was active.
    bool end();

  private:
    VcpuIndex vcpu_;
    BreakpointTable& table_;
    StopCoordinator& coordinator_;
    bool active_ = false;
    std::optional<Gpa> lifted_;
};

}  // namespace ringside::debug
