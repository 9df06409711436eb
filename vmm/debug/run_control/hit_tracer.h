// What run control asks of tracepoints: to collect at a hit, and after the steps that follow one (while-stepping).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

// A vCPU as it is where something is collected.
struct TracedState {
    kvm::VcpuPort& vcpu;
    const x86::GeneralRegisters& general;
    const x86::SystemRegisters& system;
};

// So many steps of a vCPU are still to be collected for a tracepoint.
struct TracedSteps {
    std::uint64_t experiment = 0;
    std::size_t tracepoint = 0;
    std::uint64_t left = 0;
};

// Threading: on the thread of any vCPU.
class HitTracer {
  public:
    virtual ~HitTracer() = default;
    // The number of the present experiment.
    virtual std::uint64_t experiment() const = 0;
    // The vCPU has come to a traced address. Adds the steps that are to be collected now.
    virtual void on_hit(std::uint64_t address, const TracedState& state, std::vector<TracedSteps>& steps) = 0;
    // It has done a step. Removes what has been collected to its end.
    virtual void on_step(const TracedState& state, std::vector<TracedSteps>& steps) = 0;
};

}  // namespace ringside::debug
