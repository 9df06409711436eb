// The processor's own exits, most of which the kernel handles without the exit loop: from
// KVM's tracepoints.
#pragma once

#include <memory>
#include <span>

#include "vmm/exit_monitor/exit_tier.h"
#include "vmm/exit_monitor/transitions.h"
#include "vmm/exits/hardware/hardware_tracer.h"
#include "vmm/exits/hardware/tracefs.h"

namespace ringside::debug {

class HardwareTier final : public ExitTier {
  public:
    // `threads` are the vCPUs' thread ids. The error says why this host shows no hardware exits, and what to
    // do.
    static Result<std::unique_ptr<HardwareTier>> start(std::span<const pid_t> threads);

    exits::Source source() const override { return exits::hardware_source(reasons_); }
    std::uint32_t vcpu_count() const override { return vcpus_; }
    bool rip_is_after_instruction() const override { return false; }
    exits::VcpuStatistics snapshot(VcpuIndex vcpu, std::size_t recent) const override;
    void reset() override { tracer_->reset(); }
    void enable(bool on) override { tracer_->enable(on); }
    exits::Table last_table(std::optional<VcpuIndex> vcpu, std::size_t rows,
                            const exits::Names& names) const override;
    void add_losses(exits::Table& table) const override;

    // For a recording: the names of the reasons here, and the last exits as a value.
    exits::HardwareDescription description() const { return reasons_.description(); }
    exits::Recording recording(exits::RecordingInfo info) const;
    exits::HardwareTracer& tracer() { return *tracer_; }

    // The exits of a guest's guest (L2), of one vCPU or of all. Rows only where there were any.
    exits::Table inner_table(std::optional<VcpuIndex> vcpu) const;

    // The exit that parked a vCPU, in words such as "EPT_VIOLATION: write, gpa 0x...".
    LastHardwareExit last_exit(VcpuIndex vcpu) const;

  private:
    HardwareTier(x86::VirtualizationKind kind, std::unique_ptr<exits::HardwareTracer> tracer,
                 std::uint32_t vcpus)
        : tracer_(std::move(tracer)), reasons_(kind, tracer_->exit_format()), vcpus_(vcpus) {}
    exits::HardwareStatistics merged() const;

    std::unique_ptr<exits::HardwareTracer> tracer_;
    exits::TracepointReasons reasons_;
    std::uint32_t vcpus_ = 0;
};

}  // namespace ringside::debug
