#include "vmm/cli/ctl.h"

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include <fmt/format.h>

#include "vmm/cli/exit_status.h"

namespace ringside::cli {

namespace {

int fail(const CtlOptions& options, const std::error_code& error) {
    fmt::print(stderr, "ringside: {}: {}. A machine that was started with --control unix:{} listens there.\n",
               options.path, error.message(), options.path);
    return kFailure;
}

}  // namespace

int ctl(const CtlOptions& options) {
    asio::io_context io;
    asio::local::stream_protocol::socket socket(io);
    std::error_code error;
    // The socket's address refuses a path that is too long by an exception, which main() reports.
    socket.connect(asio::local::stream_protocol::endpoint(options.path), error);
    if (error)
        return fail(options, error);
    asio::write(socket, asio::buffer(fmt::format("{}\n", fmt::join(options.words, " "))), error);
    std::string answer;
    if (!error)
        asio::read(socket, asio::dynamic_buffer(answer), error);
    fmt::print("{}", answer);
    return error == asio::error::eof ? kSuccess : fail(options, error);
}

}  // namespace ringside::cli
