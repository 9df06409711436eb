// Tracepoints of one vCPU: at which hit it collects, and if it steps to collect more.
#pragma once

#include <optional>
#include <vector>

#include "vmm/debug/breakpoints/breakpoint.h"
#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/hit_tracer.h"

namespace ringside::debug {

class TracedRun {
  public:
    TracedRun(kvm::VcpuPort& vcpu, const DebugContext& context, const ExitRegisters& at)
        : vcpu_(vcpu), context_(context), at_(at) {}

    // Returns true while a tracepoint needs every instruction.
    bool stepping() const { return !steps_.empty(); }
    // The vCPU has hit a breakpoint. A hit may be seen twice: another breakpoint at the address stops the vCPU, and it
    // executes what is planted for the tracepoint when it runs on; or another vCPU is stepping off something.
    void on_hit(const Breakpoint& breakpoint);
    // An instruction is done.
    void after_step();

  private:
    struct Place {
        std::uint64_t experiment = 0;
        x86::GeneralRegisters general;
        friend bool operator==(const Place&, const Place&) = default;
    };

    TracedState state() const { return {vcpu_, at_.general, at_.system}; }

    kvm::VcpuPort& vcpu_;
    const DebugContext& context_;
    const ExitRegisters& at_;
    std::optional<Place> collected_;  // and the instruction there is not done yet
    std::vector<TracedSteps> steps_;
};

}  // namespace ringside::debug
