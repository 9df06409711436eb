// Where a vCPU stops: at hits of breakpoints, and while it is stepped also at what is found only by stepping.
#pragma once

#include <optional>
#include <string>

#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/hit_filter.h"
#include "vmm/debug/run_control/traced_run.h"

namespace ringside::debug {

class VcpuStops {
  public:
    VcpuStops(kvm::VcpuPort& vcpu, DebugContext& context, const ExitRegisters& at)
        : vcpu_(vcpu.index()),
          context_(context),
          at_(at),
          traced_(vcpu, context, at),
          hits_(vcpu.index(), context, at, traced_) {}

    struct Stop {
        const Breakpoint* breakpoint = nullptr;  // nullptr if the reason is another
        unsigned exchange = 0;   // the length of the guest's own xchg %bx,%bx, behind which the vCPU stops
        std::string words = {};  // for the user
    };

    // The vCPU runs on from a stop.
    void begin();
    // A breakpoint was hit, or a watchpoint and others that the step has `touched`. Returns nullopt if the vCPU runs on.
    std::optional<Stop> at_hit(Breakpoint& breakpoint, std::span<const TouchedWatchpoint> touched = {});
    // A step has led here. Returns nullopt if nothing stops the vCPU here.
    std::optional<Stop> after_step(const DebugPlan& plan);
    // The vCPU is to be stepped from here. Nothing is evaluated a second time at the same place.
    std::optional<Stop> before_step(const DebugPlan& plan);

    // The vCPU has moved: everything is evaluated again.
    void forget_place() {
        passed_.reset();
        hits_.forget_evaluated();
    }
    // Its client may have changed what it wants. `shown`: it has seen the hits here.
    void forget_clients(bool shown) {
        passed_.reset();
        hits_.forget_clients(shown);
    }
    // The vCPU does not stop here.
    void note_passed() { passed_ = at_.general.rip; }
    // Returns true if a hit has not stopped the vCPU since it was resumed: there will be more of them.
    bool passes_hits() const { return passes_hits_; }

    // Returns true if the client has a breakpoint here.
    bool is_at_clients() const;

    TracedRun& traced() { return traced_; }
    const TracedRun& traced() const { return traced_; }

  private:
    std::optional<Stop> changed_state();
    std::optional<Stop> here(const DebugPlan& plan);

    VcpuIndex vcpu_;
    DebugContext& context_;
    const ExitRegisters& at_;
    TracedRun traced_;
    HitFilter hits_;
    std::optional<std::uint64_t> passed_;  // RIP, if the vCPU does not stop there and has made no step since
    bool passes_hits_ = false;
};

}  // namespace ringside::debug
