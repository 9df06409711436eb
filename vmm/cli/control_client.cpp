#include "vmm/cli/control_client.h"

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include <fmt/format.h>

#include "vmm/cli/control_socket.h"

namespace ringside::cli {

Result<gdbstub::MonitorAnswer> ask_machine(const std::string& named, const std::string& command) {
    // As for --control, whose endpoint is "unix:" and the path.
    constexpr std::string_view kScheme = "unix:";
    const std::string path = named.starts_with(kScheme) ? named.substr(kScheme.size()) : named;
    asio::io_context io;
    asio::local::stream_protocol::socket socket(io);
    std::error_code error;
    // The socket's address refuses a path that is too long by an exception, which main() reports.
    socket.connect(asio::local::stream_protocol::endpoint(path), error);
    std::string answer;
    if (!error)
        asio::write(socket, asio::buffer(fmt::format("{}{}\n", kWithStatus, command)), error);
    if (!error)
        asio::read(socket, asio::dynamic_buffer(answer), error);
    const bool refused = answer.starts_with(kRefused);
    const std::size_t status = refused ? kRefused.size() : kOk.size();
    if (error == asio::error::eof && answer.size() > status && answer.ends_with('\n'))
        return gdbstub::MonitorAnswer{answer.substr(status), refused};
    if (error == asio::error::eof)
        return failure(path, "the connection was closed before the whole answer had come",
                       "The machine has ended");
    return failure(path, error.message(),
                   fmt::format("A machine that was started with --control unix:{} listens there", path));
}

}  // namespace ringside::cli
