// Decides on the vCPU's own thread if the client is to be stopped at a hit.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vmm/debug/run_control/condition_scope.h"
#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/traced_run.h"
#include "vmm/debug/run_control/watch_by_stepping.h"

namespace ringside::debug {

// A condition can also read trace state variables: $trace_vcpu makes a breakpoint that of some vCPUs.
class HitScope final : public ConditionScope {
  public:
    HitScope(VcpuIndex vcpu, const DebugContext& context)
        : ConditionScope(context.registers, context.view), vcpu_(vcpu), context_(context) {}
    std::optional<std::uint64_t> get_variable(std::uint16_t number) override {
        return context_.tracer != nullptr ? context_.tracer->variable_of(vcpu_, number) : std::nullopt;
    }

  private:
    VcpuIndex vcpu_;
    const DebugContext& context_;
};

class HitFilter {
  public:
    HitFilter(VcpuIndex vcpu, const DebugContext& context, const ExitRegisters& at, TracedRun& traced)
        : vcpu_(vcpu), context_(context), at_(at), traced_(traced), scope_(vcpu, context) {}

    // Returns true if the breakpoint applies here, one of its conditions is true, and it has no commands; commands are
    // run, and do not stop. Counts the hit, unless it belongs to another address space or level. Tracepoints collect.
    bool stops(Breakpoint& breakpoint);
    // The same for all breakpoints at the place of one that was hit, or for a watchpoint and others that a step has
    // `touched`. Returns the one to report, preferring the client's; nullptr if none stops. `words` gets the messages of
    // the others that stop. What was evaluated is not evaluated again until the vCPU has moved.
    Breakpoint* stopping(Breakpoint& breakpoint, std::span<const TouchedWatchpoint> touched,
                         std::string& words);

    // The vCPU has moved.
    void forget_evaluated() { evaluated_.reset(); }
    // The client may have changed its breakpoints. `shown`: it has seen what was evaluated.
    void forget_clients(bool shown) {
        if (!evaluated_)
            return;
        evaluated_->clients_too = false;
        if (shown)
            evaluated_->unshown = {};
    }
    // The vCPU is about to run from here.
    void note_pc(Gva pc) {
        if (evaluated_ && evaluated_->pc != pc)
            evaluated_.reset();
    }

  private:
    // What judges have decided to report. A client's breakpoint, or another vCPU's stop, may be reported first.
    struct Unshown {
        const HitJudge* judge = nullptr;
        std::string words;
    };
    // The hit is evaluated, and the vCPU has executed nothing since.
    struct Evaluated {
        Gva pc;
        bool clients_too = false;  // otherwise only those with a judge
        Unshown unshown;
    };

    Breakpoint* stopping_here(Breakpoint& breakpoint, std::string& words);
    Breakpoint* stopping_watchpoint(std::span<const TouchedWatchpoint> touched, std::string& words);
    std::optional<std::string> judged(Breakpoint& breakpoint, std::span<const std::byte> before = {},
                                      std::span<const std::byte> after = {});
    bool is_meant_here(const Breakpoint& breakpoint) const;

    VcpuIndex vcpu_;
    const DebugContext& context_;
    const ExitRegisters& at_;
    TracedRun& traced_;
    HitScope scope_;
    std::optional<Evaluated> evaluated_;
};

}  // namespace ringside::debug
