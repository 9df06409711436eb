// One client's conversation with one target: bytes in, bytes out.
//
// The session is a state machine without a socket, a thread or a clock. Whoever owns it (transport/server.h,
// a unit test, a fuzzer) hands it what the client sent with receive(), tells it of stops with on_stop(), and
// sends away what it finds in output(). All calls come from one thread.
//
//     Attaching --on_stop--> Stopped --vCont--> Running --on_stop--> Stopped ... --D--> Detached
//                                                                            ... --k--> Closed
//
// While the target runs, only a raw 0x03, vCtrlC, k, vKill and D act at once; other packets wait in order
// until the stop, as their answers would be mistaken for the stop reply.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "gdbstub/output_buffer.h"
#include "gdbstub/target.h"

namespace ringside::gdbstub {

struct SessionOptions {
    // Compress runs in replies: worth its time on a serial line, not on a local socket.
    bool run_length_encoding = false;
    // On a serial line nothing tells that one client has gone and another come. So a packet after D attaches
    // anew, and a second qSupported is a new client's greeting.
    bool line_outlives_client = false;
    // Called with replies in output() that the client is to have before the target runs: whoever carries them may
    // not get to run beside it.
    std::function<void()> deliver = {};
};

class SessionCore;

class Session {
  public:
    // Attaches to the target: a running one is asked to stop, and the client's packets wait until it has.
    // `target` must outlive the session.
    Session(Target& target, SessionOptions options);
    // Leaves as disconnected() does, if that has not happened yet.
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Takes bytes from the client and returns how many it took. Fewer than all only when output() has grown
    // past kOutputHighWater: send that first, then call again with the rest.
    std::size_t receive(std::span<const std::byte> bytes);

    // The target stopped, exited or was terminated. Ignored where no stop is awaited.
    void on_stop(const StopEvent& event);

    // The connection ended. Unless the client detached or killed before, Execution::client_lost() is called.
    void disconnected();

    // What waits to be sent. The owner clears what it has taken.
    OutputBuffer& output();

    // True once nothing more can be said (after k or vKill, or a client that broke every bound): send
    // output(), then close the connection.
    bool wants_close() const;

    // True while the target runs on this client's behalf.
    bool running() const;

    // The words of the last error that was answered with a bare number; empty if there was none.
    const std::string& last_error() const;

    static constexpr std::size_t kOutputHighWater = std::size_t{1} << 20;

  private:
    std::unique_ptr<SessionCore> core_;
};

}  // namespace ringside::gdbstub
