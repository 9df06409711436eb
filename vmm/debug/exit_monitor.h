// Everything that is known about a running machine's exits, in one place.
//
// Threading: the server's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vmm/debug/debugger.h"
#include "vmm/debug/exit_names.h"
#include "vmm/debug/exit_tier.h"
#include "vmm/debug/hardware_tier.h"
#include "vmm/exits/kvm_statistics.h"
#include "vmm/exits/recording.h"
#include "vmm/exits/tsc_clock.h"

namespace ringside::debug {

class ExitMonitor {
  public:
    // `kernel` and `symbols` are files; the latter may be empty: then the kernel is asked for symbols.
    ExitMonitor(Debugger& debugger, std::string kernel, const std::string& symbols);

    // Looks for the hardware tier; once the machine's threads have been started.
    void machine_started();

    // `monitor exits diff` counts from the last stop that the user saw. A debugger makes more of them for
    // itself, as when it steps off a breakpoint: they are not shown, and so not marked.
    void note_shown() { shown_ = true; }
    void mark_resume();

    std::span<const std::unique_ptr<ExitTier>> tiers() const { return tiers_; }
    const ExitTier& userspace() const { return *tiers_.front(); }
    // Why there are no hardware exits; empty if there are.
    const std::string& missing_hardware_tier() const { return missing_hardware_tier_; }
    // The hardware exit that a vCPU came out of, in words; empty if it is not known. From any thread.
    std::string describe_hardware_exit(VcpuIndex vcpu) const;

    ExitNames& names() { return names_; }
    Debugger& debugger() { return debugger_; }
    std::uint32_t vcpu_count() const;
    const exits::TscClock& clock() const { return clock_; }

    // What KVM counts by itself: of the VM, then of each vCPU.
    Result<std::vector<exits::KvmStatistics>> kernel_statistics();
    // The userspace tier as a value for exporters.
    exits::Recording recording() const;
    exits::RecordingInfo recording_info() const;

  private:
    Debugger& debugger_;
    std::string kernel_;
    ExitNames names_;
    exits::TscClock clock_;
    std::string started_;  // ISO 8601, UTC
    std::vector<std::unique_ptr<ExitTier>> tiers_;
    const HardwareTier* hardware_ = nullptr;  // one of tiers_
    std::string missing_hardware_tier_;
    bool shown_ = false;
};

}  // namespace ringside::debug
