// Run control's interface to tracepoints: collect at a hit, and after the steps that follow it (while-stepping).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/base/ids.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

// A vCPU at the place where something is collected.
struct TracedState {
    kvm::VcpuPort& vcpu;
    const x86::GeneralRegisters& general;
    const x86::SystemRegisters& system;
};

// The number of a vCPU's steps still to be collected for a tracepoint.
struct TracedSteps {
    std::uint64_t experiment = 0;
    std::size_t tracepoint = 0;
    std::uint64_t left = 0;
};

// Threading: called on any vCPU's thread.
class HitTracer {
  public:
    virtual ~HitTracer() = default;
    // The number of the current experiment.
    virtual std::uint64_t experiment() const = 0;
    // The vCPU has reached a traced address. Adds the steps that are to be collected from now on.
    virtual void on_hit(std::uint64_t address, const TracedState& state, std::vector<TracedSteps>& steps) = 0;
    // It has done a step. Removes entries whose steps have all been collected.
    virtual void on_step(const TracedState& state, std::vector<TracedSteps>& steps) = 0;
    // The value that a trace state variable has for this vCPU; nullopt if no variable has the number.
    virtual std::optional<std::uint64_t> variable_of(VcpuIndex vcpu, std::uint32_t number) = 0;
};

}  // namespace ringside::debug
