// Clients attach and leave, one after the other: what each finds, and what the guest does when it has left.
//
// Threading: the server's thread.
#pragma once

#include "vmm/debug/target/client_presence.h"
#include "vmm/debug/target/debugger_owner.h"

namespace ringside::debug {

class Debugger;

class Clients {
  public:
    Clients(Debugger& debugger, DebuggerOwner& owner) : debugger_(debugger), owner_(owner) {}

    // As gdbstub::Execution's.
    void attach();
    void detach();
    void lost();
    void kill();

    bool attached() const { return presence_.attached(); }
    // Returns true if the client is in extended mode.
    bool stays() const { return presence_.stays(); }
    void enter_extended_mode() { presence_.enter_extended_mode(); }
    // As ClientPresence's.
    std::optional<OnDisconnect> leaving() const { return presence_.leaving(); }
    // The guest is stopped, and a client has left: removes what the debugger has put into the guest, and then
    // resumes, stops or restarts it, as was chosen.
    void let_go();
    // The guest has stopped for a client that has attached.
    void greet();

    // The guest waits at its first instruction for the first client.
    void note_at_start();
    // It runs.
    void note_resumed() { unused_ = Unused::No; }

  private:
    // Under OnDisconnect::Restart, while no client is attached and nothing has run: the guest is at its first
    // instruction, or it could not restart.
    enum class Unused : std::uint8_t { No, AtStart, Old };

    void leave(OnDisconnect then);
    void let_go(OnDisconnect then);
    void renew();

    Debugger& debugger_;
    DebuggerOwner& owner_;
    ClientPresence presence_;
    Unused unused_ = Unused::No;
};

}  // namespace ringside::debug
