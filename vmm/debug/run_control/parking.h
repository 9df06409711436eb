// Which vCPUs are parked, which the coordinator has suspended, and which one runs alone.
//
// Threading: the coordinator's mutex protects it.
#pragma once

#include <optional>
#include <vector>

#include "vmm/machine/machine.h"

namespace ringside::debug {

class Parking {
  public:
    // The machine's vCPUs start suspended, and that suspension is the coordinator's.
    explicit Parking(machine::Machine& machine);

    std::uint32_t count() const { return static_cast<std::uint32_t>(suspended_.size()); }

    // The coordinator owns one suspension of each vCPU that the client does not let run.
    bool suspended(VcpuIndex vcpu) const { return suspended_[vcpu.value]; }
    void suspend(VcpuIndex vcpu);
    // Returns true if the caller must resume the vCPU: without the mutex, which the vCPU wants when it wakes up.
    bool take_suspension(VcpuIndex vcpu);

    // Between note_parked() and note_running() the vCPU's registers are cached, and stay as they are.
    void note_parked(VcpuIndex vcpu) { parked_[vcpu.value] = true; }
    void note_running(VcpuIndex vcpu) { parked_[vcpu.value] = false; }
    bool parked(VcpuIndex vcpu) const;
    bool all_parked_but(std::optional<VcpuIndex> except) const;
    // Returns true if every vCPU is parked, and none of them only because another runs alone.
    bool all_parked() const { return !alone_ && all_parked_but(std::nullopt); }

    bool someone_alone() const { return alone_.has_value(); }
    // Suspends the others, beside the coordinator's own suspensions, until end_alone().
    void begin_alone(VcpuIndex vcpu);
    void end_alone();

  private:
    machine::Machine& machine_;
    std::vector<bool> suspended_;
    std::vector<bool> parked_;
    std::optional<VcpuIndex> alone_;
};

}  // namespace ringside::debug
