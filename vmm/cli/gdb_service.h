// Serves a debugger: at --gdb's endpoint from the start, or at one that `monitor gdbserver` names later.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <asio/io_context.hpp>

#include "gdbstub/transport/server.h"
#include "vmm/base/error.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::cli {

// Threading: everything on the thread that runs `io`, or before it runs.
class GdbService {
  public:
    // The server's hooks, for the endpoint at which it is opened.
    using MakeHooks = std::function<gdbstub::ServerHooks(const gdbstub::Endpoint&)>;
    GdbService(asio::io_context& io, MakeHooks hooks) : io_(io), hooks_(std::move(hooks)) {}

    // `operation` begins the error's message.
    Result<void> open(const std::string& operation, const gdbstub::Endpoint& endpoint,
                      gdbstub::Target& target);
    void close() { server_.reset(); }

    // Null if no debugger can attach.
    gdbstub::Server* server() { return server_.get(); }

  private:
    asio::io_context& io_;
    MakeHooks hooks_;
    std::unique_ptr<gdbstub::Server> server_;
};

void add_gdbserver_command(debug::MonitorRegistry& registry, debug::Debugger& debugger, GdbService& service);

}  // namespace ringside::cli
