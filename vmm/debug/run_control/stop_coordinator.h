// All-stop over vCPUs that each have a run state of their own: who caused the stop, which vCPUs are parked, which have
// something to report.
//
//     Running --report()--> Stopping --last vCPU parks--> Stopped --resume()--> Running
//
// It begins in Stopping: the machine's vCPUs start parked, and that is the first stop.
//
// Threading: report(), vcpu_parked() and the exclusive section are for vCPU threads, the rest for the
// server's thread. The coordinator owns one suspension of each vCPU that does not run.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "gdbstub/target.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

class StopCoordinator {
  public:
    // `on_stopped` is called by the last vCPU thread to park, without a lock held. The machine's vCPUs have
    // been started and are parked: the coordinator begins in Stopped, with `first` as the reason.
    StopCoordinator(machine::Machine& machine, std::function<void()> on_stopped);

    // ---- vCPU threads

    // A vCPU has something to tell: it and all others are suspended. The first report of a stop is the stop's
    // reason. Of the others, those that cannot happen again by themselves (a finished step, a triggered
    // watchpoint) are kept and delivered by a later resume(); a breakpoint that was hit at the same time is
    // hit again.
    void report(VcpuIndex vcpu, gdbstub::StopEvent event);
    // The vCPU's state is kept and stays as it is until vcpu_leaving().
    void vcpu_parked(VcpuIndex vcpu);
    void vcpu_leaving(VcpuIndex vcpu);

    // Parks every other vCPU, for stepping off a breakpoint: its int3 is gone from memory for that long.
    // Returns false if a stop is under way or another vCPU does the same; the breakpoint is then simply hit
    // again later.
    bool begin_exclusive(VcpuIndex vcpu);
    void end_exclusive(VcpuIndex vcpu);

    // ---- the server's thread

    // Asks for a stop with the given reason; nothing happens unless Running.
    void interrupt(gdbstub::StopReason reason);
    // Resumes the given vCPUs, all of which are parked. If one of them still has something to tell, nothing
    // runs, and that becomes the reason of an immediate stop. Only in Stopped.
    void resume(std::span<const VcpuIndex> vcpus);
    // The same for every vCPU, dropping what is still to be told: the debugger has left.
    void resume_all_forgetting();

    bool stopped() const;
    gdbstub::StopEvent last_stop() const;
    // What other vCPUs had to tell when they were stopped along with the one that last_stop() names.
    std::vector<gdbstub::StopEvent> simultaneous() const;
    // Drops those of them that need not be told.
    void forget_if(const std::function<bool(const gdbstub::StopEvent&)>& unwanted);

  private:
    enum class State : std::uint8_t { Running, Stopping, Stopped };

    void begin_stop_locked(gdbstub::StopEvent event);
    bool is_parked(VcpuIndex vcpu) const;
    bool all_parked_but(std::optional<VcpuIndex> except) const;

    machine::Machine& machine_;
    std::function<void()> on_stopped_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    State state_ = State::Stopping;
    gdbstub::StopEvent last_;
    std::vector<std::optional<gdbstub::StopEvent>> pending_;  // by vCPU
    std::vector<gdbstub::StopEvent> hit_too_;                 // breakpoints that will be hit again
    std::vector<bool> suspended_;                             // by this coordinator's own suspension
    std::vector<bool> state_kept_;                            // between vcpu_parked() and vcpu_leaving()
    std::optional<VcpuIndex> exclusive_;
};

}  // namespace ringside::debug
