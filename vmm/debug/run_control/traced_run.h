// One vCPU's way past tracepoints: at which hit it collects, and whether it steps to collect more.
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

    // Returns true while a tracepoint wants every instruction.
    bool stepping() const { return !steps_.empty(); }
    // The vCPU has hit a breakpoint. One hit may be met twice: a breakpoint beside the tracepoint stops the vCPU, and it
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
