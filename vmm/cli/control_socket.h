// `--control unix:PATH`: monitor commands without a debugger. A client sends one line and gets the answer; then the
// connection is closed. To "status COMMAND" the answer begins with a line "ok" or "refused".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include "gdbstub/target.h"
#include "gdbstub/transport/listener.h"

namespace ringside::cli {

inline constexpr std::string_view kWithStatus = "status ";
inline constexpr std::string_view kOk = "ok\n";
inline constexpr std::string_view kRefused = "refused\n";

// Threading: everything on the thread that runs `io`.
class ControlSocket {
  public:
    using Reply = std::function<void(gdbstub::MonitorAnswer)>;
    // Calls `reply` once, now or later.
    using Answerer = std::function<void(const std::string& line, Reply reply)>;
    static gdbstub::Result<std::unique_ptr<ControlSocket>> open(asio::io_context& io, const std::string& path,
                                                                Answerer answer);
    ~ControlSocket();

  private:
    class Client;
    ControlSocket(asio::io_context& io, gdbstub::Listener listener, Answerer answer);
    void wait_for_client();

    gdbstub::Listener listener_;
    Answerer answer_;
    asio::io_context& io_;
    asio::posix::stream_descriptor ready_;  // watches the listener's descriptor, which it does not own
};

}  // namespace ringside::cli
