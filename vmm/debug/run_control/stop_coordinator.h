// All-stop over vCPUs that each have their own run state: which vCPU caused the stop, which are parked, and which have
// something to report. The README defines the words for run states.
//
//     Running --report()--> Stopping --last vCPU parks--> Stopped --resume()--> Running
//
// It begins in Stopping: the machine's vCPUs start parked, and that is the first stop.
//
// In non-stop mode a vCPU stops on its own, and those states do not change. hold() parks the others while
// a packet is answered.
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
#include "vmm/debug/run_control/parking.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

class StopCoordinator {
  public:
    // Called without a lock by the last vCPU thread to park; in non-stop mode by the thread of the vCPU that has
    // stopped, with that vCPU. Called by the server's thread if nothing was left to park.
    using OnStopped = std::function<void(std::optional<VcpuIndex>)>;
    // To be created before the machine's vCPUs start.
    StopCoordinator(machine::Machine& machine, OnStopped on_stopped);

    // ---- vCPU threads

    // A vCPU has something to report. In non-stop mode it is suspended, and this is its stop reason.
    //
    // Otherwise it and all others are suspended. The first report of a stop is the stop's reason.
    // Of the others, those that cannot happen again (a finished step, a triggered watchpoint) are kept
    // and become the reason of an immediate stop at a later resume(); a breakpoint that was hit at the same time is
    // hit again.
    void report(VcpuIndex vcpu, gdbstub::StopEvent event);
    // The vCPU has parked and its registers are cached; they stay as they are until note_running().
    void note_parked(VcpuIndex vcpu);
    void note_running(VcpuIndex vcpu);

    // Parks every other vCPU, so that this one runs alone: it steps off a breakpoint, whose int3 is out of memory
    // meanwhile. Returns false if a stop is under way or another vCPU runs alone; the breakpoint is then hit again
    // later.
    bool park_others(VcpuIndex vcpu);
    void resume_others();

    // ---- the server's thread

    // Asks for a stop with the given reason; does nothing unless Running. In non-stop mode it is the reason of the
    // first vCPU that runs, and the others stop without a reason.
    void interrupt(gdbstub::StopReason reason);
    // Resumes the given vCPUs, all of which are parked. If one of them still has something to report, none runs, and
    // that becomes the reason of an immediate stop. Only in Stopped.
    void resume(std::span<const VcpuIndex> vcpus);
    // The same for every vCPU, discarding what is still to be reported: the debugger has left.
    void resume_all();

    // Returns true if every vCPU is stopped.
    bool stopped() const;
    gdbstub::StopEvent last_stop() const;
    // Returns true if the client has seen what this vCPU last reported: it was the stop, or vCPUs stop on their own.
    bool is_shown(VcpuIndex vcpu) const;
    // What other vCPUs had to report when they were stopped along with the one that last_stop() names.
    std::vector<gdbstub::StopEvent> simultaneous() const;
    // Has `add` complete what is shown with the vCPU's stop, if it has one that is not reported yet or is being reported.
    // While every vCPU is parked.
    void describe(VcpuIndex vcpu, const std::function<void(gdbstub::StopEvent&)>& add);
    // The stopped machine was moved to another position in its history: this is the stop now.
    void replace_stop(gdbstub::StopEvent event);
    // Discards those of them that need not be reported.
    void forget_if(const std::function<bool(const gdbstub::StopEvent&)>& unwanted);

    // ---- non-stop mode; the server's thread

    // On: only in Stopped. Off: vCPUs that run continue until interrupt(), and their own stop reasons are discarded.
    void set_non_stop(bool on);
    bool non_stop() const;
    // Asks one vCPU to stop; does nothing if it does not run.
    void interrupt(VcpuIndex vcpu, gdbstub::StopReason reason);
    // Why the vCPU is stopped; nullopt if it runs, or has not parked yet.
    std::optional<gdbstub::StopEvent> stop_of(VcpuIndex vcpu) const;
    // Parks every vCPU, and waits for that; release() resumes those that are not stopped.
    void hold();
    void release();

  private:
    enum class State : std::uint8_t { Running, Stopping, Stopped };
    // Non-stop mode: why a vCPU stops, and if its stop has been announced.
    struct OwnStop {
        gdbstub::StopEvent event;
        bool announced = false;
    };

    void begin_stop_locked(gdbstub::StopEvent event);
    bool stopped_locked() const;
    // Returns true if the caller must announce the stop of a vCPU that is parked already.
    bool ask_to_stop_locked(VcpuIndex vcpu, gdbstub::StopReason reason);
    void interrupt_all_locked(gdbstub::StopReason reason, std::vector<VcpuIndex>& to_announce);
    bool announces_locked(VcpuIndex vcpu);
    bool take_pending_locked(std::span<const VcpuIndex> vcpus);
    std::vector<gdbstub::StopEvent*> stops_locked(VcpuIndex vcpu);

    machine::Machine& machine_;
    OnStopped on_stopped_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    State state_ = State::Stopping;
    gdbstub::StopEvent last_;
    std::vector<std::optional<gdbstub::StopEvent>> pending_;  // by vCPU
    std::vector<gdbstub::StopEvent> hit_again_;               // breakpoints that will be hit again
    Parking parking_;
    bool non_stop_ = false;
    std::vector<std::optional<OwnStop>> own_stops_;  // by vCPU
};

}  // namespace ringside::debug
