// Serves a target to one debugger at a time over an endpoint, on the thread that runs the io_context.
//
// On a listening endpoint (tcp, unix) a connection becomes the client's when its first packet arrives: one that
// is silent, or speaks another protocol, does not affect the target and does not keep other clients out. While there is
// a client, another one is told in the reply to its greeting that it must wait. When the client has left, the
// next may attach. serial and stdio are a single connection; on stdio the client leaves at the end of stdin.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <asio/io_context.hpp>

#include "gdbstub/session.h"
#include "gdbstub/target.h"
#include "gdbstub/transport/endpoint.h"

namespace ringside::gdbstub {

// Called on the io_context's thread. Any of them may be empty.
struct ServerHooks {
    // One line for a log.
    std::function<void(const std::string&)> on_event = {};
    // The same, for an error whose words the client did not get.
    std::function<void(const std::string&)> on_error = {};
    // A client has attached.
    std::function<void()> on_connect = {};
    // It has left; after Session::disconnected().
    std::function<void()> on_disconnect = {};
};

class Server {
  public:
    // Opens the endpoint and starts to serve. `io` and `target` must outlive the server. The error is one
    // line that says what to do.
    static Result<std::unique_ptr<Server>> open(asio::io_context& io, const Endpoint& endpoint,
                                                Target& target, ServerHooks hooks = {});

    // Closes the connection and the endpoint (a unix socket's file is removed). To be called on the
    // io_context's thread, or when that no longer runs.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Reports a stop to the client's session. May be called from any thread.
    void post_stop(StopEvent event);

    // Shows text to the client's user. Without a client calls `otherwise`, on the io_context's thread. May be called from
    // any thread.
    using Otherwise = std::function<void(const std::string&)>;
    void post_console(std::string text, Otherwise otherwise = {});

    // The endpoint in use, with the actual port if 0 was requested: "tcp:127.0.0.1:40123".
    const std::string& description() const;

    // The port of a tcp endpoint, else 0.
    std::uint16_t port() const;

    // Returns true if a client is attached. On the io_context's thread only.
    bool connected() const;

    class Impl;

  private:
    explicit Server(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace ringside::gdbstub
