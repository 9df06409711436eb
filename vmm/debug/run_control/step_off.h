// An instruction that is stepped as the guest has it, while the other vCPUs are parked.
//
// Off a breakpoint: its int3 is out of memory for every vCPU meanwhile. A debug slot belongs to one vCPU and does not need this.
// A write to protected pages: every vCPU could write them meanwhile.
#pragma once

#include <optional>

#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/run_control/page_guard.h"
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
    // The instruction writes to pages of the guard, which are open for its step. As above, also in addition to it.
    Result<bool> begin_write(PageGuard& guard);
    bool writes() const { return opened_ != nullptr; }
    // Returns true if the other vCPUs are parked for it.
    bool alone() const { return lifted_.has_value() || opened_ != nullptr; }
    // Puts the int3 back, and closes the pages. Returns true if a step off was active.
    bool end();

  private:
    VcpuIndex vcpu_;
    BreakpointTable& table_;
    StopCoordinator& coordinator_;
    bool active_ = false;
    std::optional<Gpa> lifted_;
    PageGuard* opened_ = nullptr;
};

}  // namespace ringside::debug
