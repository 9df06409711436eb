// How far the guest's run is: not begun, running or stopped, ended by the guest itself, over.
//
// Threading: the server's thread; started() is also for vCPU threads, between two stops.
#pragma once

#include <optional>
#include <utility>

#include "vmm/machine/machine.h"

namespace ringside::debug {

class RunPhase {
  public:
    // The first stop, of vCPUs that have never run, is over, or is shown to a client. Returns true if it is this call
    // that ends it.
    bool start() { return !std::exchange(started_, true); }
    bool started() const { return started_; }

    // The guest has ended itself; a client may look at it. A resume ends the run.
    void guest_has_ended(const machine::GuestEnd& how) { guest_end_ = how; }
    const std::optional<machine::GuestEnd>& guest_end() const { return guest_end_; }
    // Undoes guest_has_ended(). Returns true if the guest had ended.
    bool withdraw_guest_end() { return std::exchange(guest_end_, std::nullopt).has_value(); }

    // The machine has ended; it is not resumed any more.
    void end() { over_ = true; }
    bool over() const { return over_; }

    // The machine has restarted.
    void restart() {
        guest_end_.reset();
        over_ = false;
    }

  private:
    bool started_ = false;
    std::optional<machine::GuestEnd> guest_end_;
    bool over_ = false;
};

}  // namespace ringside::debug
