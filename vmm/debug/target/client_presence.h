// The client that is attached, and the one that has left a running guest, which is still to stop for its departure.
#pragma once

#include <cstdint>
#include <optional>

namespace ringside::debug {

// What the guest does when its debugger vanishes. Restart: it restarts, and waits at its first instruction for
// the next one, which gets the kernel's file as it is when it attaches; also if the client has detached or has killed it.
enum class OnDisconnect : std::uint8_t { Pause, Resume, Restart, Quit };

class ClientPresence {
  public:
    bool attached() const { return attached_; }
    // Returns true if the client is in extended mode: it may restart the guest after its end.
    bool stays() const { return attached_ && stays_; }
    // What the guest does when it stops, if the client has left while the guest ran.
    std::optional<OnDisconnect> leaving() const { return leaving_; }

    // A client attaches. It may come before the guest has stopped for the last one's departure: then the guest stays
    // stopped for it.
    void attach();
    void enter_extended_mode() { stays_ = true; }
    // The guest has stopped for the client. Returns true the first time.
    bool greet();
    // The client leaves while the guest runs.
    void leave_at_stop(OnDisconnect then);
    // The client has left, and the guest is stopped.
    void depart();
    // The client has left a machine that has ended.
    void depart_from_end() { attached_ = stays_ = false; }

  private:
    bool attached_ = false;
    bool stays_ = false;
    bool greeted_ = false;
    bool next_waits_ = false;  // the next client has attached before the guest stopped
    std::optional<OnDisconnect> leaving_;
};

}  // namespace ringside::debug
