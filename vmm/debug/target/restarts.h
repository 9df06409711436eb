// Restarts the machine under its debugger: at once if it is stopped, otherwise at the stop that is asked for.
//
// Threading: the server's thread.
#pragma once

#include "gdbstub/target.h"
#include "vmm/debug/target/debugger_owner.h"

namespace ringside::debug {

class Debugger;

class Restarts final : public gdbstub::Restart {
  public:
    Restarts(Debugger& debugger, DebuggerOwner& owner) : debugger_(debugger), owner_(owner) {}

    // gdbstub::Restart: for the client, which sets its breakpoints anew.
    void client_stays() override;
    gdbstub::Result<void> restart(const Wanted&) override;
    // As Debugger::restart().
    Result<void> with_breakpoints();
    // The guest has reset the machine, which is to restart. The vCPU that caused it has reported a stop, which comes after
    // this.
    void on_guest_reset(VcpuIndex, const machine::GuestEnd&);
    // Puts the stopped guest at its first instruction, for the next client. Returns false if the machine cannot restart.
    bool wait_anew();

    // A client asks for a stop: a guest that restarts at it does not run on.
    void note_stop_asked() { stop_asked_ = true; }
    // The machine has stopped. Returns true if it is to restart here: by finish().
    bool pending() const { return at_stop_; }
    // Returns true if a stop has been requested since: otherwise the guest runs on from its first instruction.
    bool finish();
    void note_stop() { stop_asked_ = false; }

  private:
    void ask_for_stop();
    void start_anew();

    Debugger& debugger_;
    DebuggerOwner& owner_;
    bool at_stop_ = false;  // all is prepared, and put in place when every vCPU has stopped
    bool forgets_breakpoints_ = false;
    bool stop_asked_ = false;  // by the client, of a guest that ran
};

}  // namespace ringside::debug
