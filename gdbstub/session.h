// One client's conversation with one target: bytes in, bytes out.
//
// The session is a state machine without a socket, a thread or a clock. Its owner (transport/server.h,
// a unit test, a fuzzer) passes it what the client sent with receive(), reports stops with on_stop(), and
// sends what it finds in output(). All calls come from one thread.
//
//     Silent --first packet--> Attaching --on_stop--> Stopped --vCont--> Running --on_stop--> Stopped ...
//                                                                       D--> Detached, k--> Closed, or
//                                                                       in extended mode Gone --vRun--> Attaching
//
// In non-stop mode (QNonStop:1) it is neither Stopped nor Running: each thread is one or the other, packets are answered at
// once, and a stop is a notification.
//
// The target is not touched until the client has sent a whole packet: a connection that only probes the port,
// or speaks another protocol, has no effect.
//
// In all-stop mode, while the target runs, only a raw 0x03, vCtrlC, k, vKill and D act at once; other packets wait in order
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
    // Compress runs in replies: pays on a serial line, not on a local socket.
    bool run_length_encoding = false;
    // On a serial line nothing shows that one client has left and another has come. So a packet after D attaches
    // again, and a second qSupported is a new client's greeting. The program that carries a client's packets over the
    // line may send the byte 0x04 when the client has left.
    bool line_outlives_client = false;
    // Attach at once rather than at the client's first packet. This is for stdio, where no port can be probed: a
    // guest that has not been started yet stays stopped for the client.
    bool attach_at_once = false;
};

// The session's calls to its owner. Any of them may be empty.
struct SessionHooks {
    // Called when the client's first packet has come. Returns why it cannot have the target, in words for its
    // user, or an empty string if it can: then the session attaches.
    std::function<std::string()> admit = {};
    // One line for a log: a packet, and the reason of its error if the client did not get it in words.
    std::function<void(const std::string&)> on_error = {};
    // Called with replies in output() that must reach the client before the target runs: on some machines a
    // running guest keeps its host's driver from sending them.
    std::function<void()> deliver = {};
};

class SessionCore;

class Session {
  public:
    // At the client's first packet the session attaches to the target: it asks a running one to stop, and holds
    // packets back until it has. `target` must outlive the session.
    explicit Session(Target& target, SessionOptions options = {}, SessionHooks hooks = {});
    // Leaves as disconnected() does, if that has not happened yet.
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Takes bytes from the client and returns how many it took. It takes fewer only when output() has grown
    // past kOutputHighWater: send that first, then call again with the rest.
    std::size_t receive(std::span<const std::byte> bytes);

    // The target stopped, exited or was terminated. Ignored if no stop is expected.
    void on_stop(const StopEvent& event);

    // Text for the client's user: what a breakpoint's commands have printed.
    void on_console(std::string_view text);

    // The connection ended. If the client was attached until now, Execution::client_lost() is called.
    void disconnected();

    // What is to be sent. The owner clears what it has taken.
    OutputBuffer& output();

    // Returns true once no more can be sent (after k or vKill, or for a client that exceeded every limit): send
    // output(), then close the connection.
    bool wants_close() const;

    // Returns true while the target runs on this client's behalf.
    bool running() const;

    // The words of the last error reply; empty if there was none.
    const std::string& last_error() const;

    static constexpr std::size_t kOutputHighWater = std::size_t{1} << 20;

  private:
    std::unique_ptr<SessionCore> core_;
};

}  // namespace ringside::gdbstub
