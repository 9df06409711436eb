// All-stop over vCPUs that each have a run state of their own: who caused the stop, which vCPUs are parked, which have
// something to report. The README defines the words for run states.
//
//     Running --report()--> Stopping --last vCPU parks--> Stopped --resume()--> Running
//
// It begins in Stopping: the machine's vCPUs start parked, and that is the first stop.
//
// Threading: report(), note_*(), park_others() and resume_others() are for vCPU threads, the rest for the server's
// thread. The coordinator owns one suspension of each vCPU that does not run.
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
    // `on_stopped` is called by the last vCPU thread to park, without a lock. Before the machine's vCPUs start.
    StopCoordinator(machine::Machine& machine, std::function<void()> on_stopped);

    // ---- vCPU threads

    // A vCPU has something to report: it and all others are suspended. The first report of a stop is the stop's reason.
    // Of the others, those that cannot happen again by themselves (a finished step, a triggered watchpoint) are kept
    // and become the reason of an immediate stop at a later resume(); a breakpoint that was hit at the same time is
    // hit again.
    void report(VcpuIndex vcpu, gdbstub::StopEvent event);
    // The vCPU has parked and its registers are cached; they stay as they are until note_running().
    void note_parked(VcpuIndex vcpu);
    void note_running(VcpuIndex vcpu);

    // Parks every other vCPU, so that this one runs alone: it steps off a breakpoint, whose int3 is out of memory for
    // that long. Returns false if a stop is under way or another vCPU runs alone; the breakpoint is then hit again
    // later.
    bool park_others(VcpuIndex vcpu);
    void resume_others(VcpuIndex vcpu);

    // ---- the server's thread

    // Asks for a stop with the given reason; nothing happens unless Running.
    void interrupt(gdbstub::StopReason reason);
    // Resumes the given vCPUs, all of which are parked. If one of them still has something to report, none runs, and
    // that becomes the reason of an immediate stop. Only in Stopped.
    void resume(std::span<const VcpuIndex> vcpus);
    // The same for every vCPU, dropping what is still to be reported: the debugger has left.
    void resume_all();

    bool stopped() const;
    gdbstub::StopEvent last_stop() const;
    // What other vCPUs had to report when they were stopped along with the one that last_stop() names.
    std::vector<gdbstub::StopEvent> simultaneous() const;
    // The stopped machine was taken to another place in its history: this is the stop now.
    void replace_stop(gdbstub::StopEvent event);
    // Drops those of them that need not be reported.
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
    std::vector<gdbstub::StopEvent> hit_again_;               // breakpoints that will be hit again
    std::vector<bool> suspended_;                             // by this coordinator's own suspension
    std::vector<bool> parked_;                                // between note_parked() and note_running()
    std::optional<VcpuIndex> alone_;
};

}  // namespace ringside::debug
