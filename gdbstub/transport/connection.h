// One client's byte stream and its session, driven by an io_context.
//
// A reply is sent in one write, attempted at once without waiting; only what the kernel does not accept is sent
// later, and until then nothing more is read from the client: a client that does not read its replies cannot
// make the server store them.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include "gdbstub/output_buffer.h"
#include "gdbstub/session.h"
#include "gdbstub/transport/unique_fd.h"

namespace ringside::gdbstub {

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    enum class Kind { Socket, File };
    using Ended = std::function<void(const std::string& why)>;

    // `in` and `out` may be duplicates of one descriptor. Both must be non-blocking.
    static std::shared_ptr<Connection> make(asio::io_context& io, Kind kind, UniqueFd in, UniqueFd out);

    // Begins a session. `ended` is called once, when the session is over, and not after close().
    void start(Target& target, SessionOptions options, SessionHooks hooks, Ended ended);
    void on_stop(const StopEvent& event);
    void on_console(std::string_view text);
    void close();

    Connection(asio::io_context& io, Kind kind, UniqueFd in, UniqueFd out);

  private:
    void await_input();
    void read_input();
    void process_input();
    void flush();
    void deliver();
    void await_room();
    bool write_some(std::string_view data, std::size_t& written);
    void end(const std::string& why);
    void drain();

    Kind kind_;
    asio::posix::stream_descriptor in_;
    asio::posix::stream_descriptor out_;
    std::unique_ptr<Session> session_;
    Ended ended_;
    OutputBuffer sending_;  // what the kernel has not taken yet
    std::array<std::byte, std::size_t{64} << 10> input_{};
    std::size_t input_begin_ = 0;
    std::size_t input_end_ = 0;
    bool awaiting_input_ = false;
};

}  // namespace ringside::gdbstub
