// Everything that is known about a running machine's exits.
//
// Threading: the server's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vmm/debug/target/debugger.h"
#include "vmm/exit_monitor/exit_names.h"
#include "vmm/exit_monitor/exit_tier.h"
#include "vmm/exit_monitor/hardware_tier.h"
#include "vmm/exits/hardware/kvm_statistics.h"
#include "vmm/exits/record/recording.h"
#include "vmm/exits/record/tsc_clock.h"

namespace ringside::debug {

class ExitMonitor {
  public:
    // `kernel` and `symbols` are files; the latter may be empty: then the kernel's symbols are used.
    ExitMonitor(Debugger& debugger, std::string kernel, const std::string& symbols);

    // Looks for the hardware tier; once the machine's threads have been started, and before the guest runs.
    void machine_started();
    // Called at the end of machine_started(), for code that records what the tiers see.
    void set_start_handler(std::function<void()> handler) { on_started_ = std::move(handler); }

    // `monitor exits diff` counts from the last stop that the user saw. A debugger makes more stops for
    // itself, for example when it steps off a breakpoint: they are not shown, and so not marked.
    void note_shown() { shown_ = true; }
    // Returns true if the user saw the stop.
    bool mark_resume();

    std::span<const std::unique_ptr<ExitTier>> tiers() const { return tiers_; }
    const ExitTier& userspace() const { return *tiers_.front(); }
    // Why there are no hardware exits; empty if there are some.
    const std::string& missing_hardware_tier() const { return missing_hardware_tier_; }
    // The hardware exit that a vCPU came out of. From any thread.
    LastHardwareExit last_hardware_exit(VcpuIndex vcpu) const;
    // The same as the hardware reported it. The error says why it is not known.
    Result<x86::HardwareExit> last_exit_information(VcpuIndex vcpu) const;

    ExitNames& names() { return names_; }
    Debugger& debugger() { return debugger_; }
    std::uint32_t vcpu_count() const;
    const exits::TscClock& clock() const { return clock_; }

    // KVM's own counters: of the VM, then of each vCPU.
    Result<std::vector<exits::KvmStatistics>> kernel_statistics();
    // The distance of the guest from its symbols' addresses, once it is known.
    void set_symbol_slide(std::int64_t slide) { names_.set_slide(slide); }

    // The recorded exits at this moment, as a value for exporters: each tier's last exits.
    exits::RunRecording recording() const;
    exits::RecordingInfo recording_info() const;
    // The hardware tier; nullptr where there is none.
    HardwareTier* hardware() { return hardware_; }

  private:
    Debugger& debugger_;
    std::string kernel_;
    ExitNames names_;
    exits::TscClock clock_;
    std::string started_;  // ISO 8601, UTC
    std::vector<std::unique_ptr<ExitTier>> tiers_;
    HardwareTier* hardware_ = nullptr;  // one of tiers_
    std::string missing_hardware_tier_;
    std::function<void()> on_started_;
    bool shown_ = false;
};

}  // namespace ringside::debug
