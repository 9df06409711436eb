// What vCPU threads report to the debugger: the exits of the machine's exit loop, which go to the vCPU's debugger, and what
// that reports in addition to stops, which goes to the server's thread.
#pragma once

#include <string>

#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/target/debugger_owner.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

class Debugger;

class VcpuReports final : public machine::VcpuObserver, public VcpuEvents {
  public:
    VcpuReports(Debugger& debugger, DebuggerOwner& owner) : debugger_(debugger), owner_(owner) {}

    // machine::VcpuObserver
    void on_debug_exit(machine::VcpuThread&) override;
    void on_fatal_exit(machine::VcpuThread&, machine::FatalExit) override;
    void on_interrupted(machine::VcpuThread&) override;
    void on_parked(machine::VcpuThread&) override;
    void before_entry(machine::VcpuThread&) override;
    void on_exit(machine::VcpuThread&, const exits::ExitRecord&) override;
    void on_dirty_ring_full(machine::VcpuThread&) override;
    bool on_write_fault(machine::VcpuThread&) override;
    bool on_unwritten(machine::VcpuThread&, Gpa, std::span<const std::byte>) override;
    void on_stop_port(machine::VcpuThread&, std::uint64_t value) override;

    // VcpuEvents
    void on_dead(VcpuIndex, machine::FatalExit, const std::string& report) override;
    void on_slots_short(VcpuIndex) override;
    void on_completed(VcpuIndex) override;
    void on_guard_ended(VcpuIndex, const std::string& why) override;
    void on_printed(VcpuIndex, const std::string& text) override;

  private:
    Debugger& debugger_;
    DebuggerOwner& owner_;
};

}  // namespace ringside::debug
