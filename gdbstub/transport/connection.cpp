#include "gdbstub/transport/connection.h"

#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <asio/error.hpp>

namespace ringside::gdbstub {
namespace {

bool would_block(int code) {
    return code == EAGAIN || code == EWOULDBLOCK;
}

}  // namespace

Connection::Connection(asio::io_context& io, Kind kind, UniqueFd in, UniqueFd out)
    : kind_(kind), in_(io, in.release()), out_(io, out.release()) {}

std::shared_ptr<Connection> Connection::make(asio::io_context& io, Kind kind, UniqueFd in, UniqueFd out) {
    return std::make_shared<Connection>(io, kind, std::move(in), std::move(out));
}

void Connection::start(Target& target, SessionOptions options, SessionHooks hooks, Ended ended) {
    ended_ = std::move(ended);
    hooks.deliver = [this] { deliver(); };
    session_ = std::make_unique<Session>(target, options, std::move(hooks));
    await_input();
}

void Connection::on_stop(const StopEvent& event) {
    if (!session_)
        return;
    session_->on_stop(event);
    flush();
    if (session_ && session_->wants_close() && sending_.empty())
        end("the session is over");
}

void Connection::on_console(std::string_view text) {
    if (!session_)
        return;
    session_->on_console(text);
    flush();
}

void Connection::close() {
    ended_ = nullptr;
    session_.reset();
    asio::error_code ignored;
    in_.close(ignored);
    out_.close(ignored);
}

// ---- Input

void Connection::await_input() {
    if (std::exchange(awaiting_input_, true))
        return;
    in_.async_wait(asio::posix::stream_descriptor::wait_read,
                   [self = shared_from_this()](const asio::error_code& error) {
                       self->awaiting_input_ = false;
                       if (error == asio::error::operation_aborted)
                           return;
                       if (error)
                           self->end(error.message());  // a plain file, for one, cannot be waited for
                       else if (self->session_)
                           self->read_input();
                       else
                           self->drain();
                   });
}

void Connection::read_input() {
    const ssize_t count = ::read(in_.native_handle(), input_.data(), input_.size());
    if (count > 0) {
        input_begin_ = 0;
        input_end_ = static_cast<std::size_t>(count);
        process_input();
    } else if (count < 0 && (would_block(errno) || errno == EINTR)) {
        await_input();
    } else {
        end(count == 0 ? "the client closed the connection" : std::generic_category().message(errno));
    }
}

void Connection::process_input() {
    while (session_ && sending_.empty()) {
        const auto rest = std::span(input_).first(input_end_).subspan(input_begin_);
        if (rest.empty()) {
            await_input();
            return;
        }
        input_begin_ += session_->receive(rest);
        flush();
        if (session_ && session_->wants_close() && sending_.empty())
            end("the session is over");
    }
}

// ---- Output

// Returns false if the connection is broken.
bool Connection::write_some(std::string_view data, std::size_t& written) {
    while (written < data.size()) {
        const std::string_view rest = data.substr(written);
        const ssize_t count = kind_ == Kind::Socket ? ::send(out_.native_handle(), rest.data(), rest.size(),
                                                             MSG_NOSIGNAL | MSG_DONTWAIT)
                                                    : ::write(out_.native_handle(), rest.data(), rest.size());
        if (count >= 0)
            written += static_cast<std::size_t>(count);
        else if (would_block(errno))
            return true;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

void Connection::flush() {
    if (!sending_.empty() || !session_ || session_->output().empty())
        return;
    OutputBuffer& output = session_->output();
    std::size_t written = 0;
    if (!write_some(output.view(), written)) {
        end("the client does not take replies any more");
        return;
    }
    if (written == output.size()) {
        output.clear();
        return;
    }
    output.consume(written);
    swap(output, sending_);
    await_room();
}

// A serial line is slow, and needs the CPU: a guest that keeps interrupts from this machine would delay
// what is still in the driver.
void Connection::deliver() {
    flush();
    if (kind_ == Kind::File && sending_.empty() && ::isatty(out_.native_handle()) != 0)
        ::tcdrain(out_.native_handle());
}

void Connection::await_room() {
    out_.async_wait(asio::posix::stream_descriptor::wait_write,
                    [self = shared_from_this()](const asio::error_code& error) {
                        if (error || !self->session_)
                            return;
                        std::size_t written = 0;
                        if (!self->write_some(self->sending_.view(), written)) {
                            self->end("the client does not take replies any more");
                            return;
                        }
                        self->sending_.consume(written);
                        if (!self->sending_.empty()) {
                            self->await_room();
                            return;
                        }
                        self->flush();
                        if (self->session_ && self->session_->wants_close() && self->sending_.empty())
                            self->end("the session is over");
                        self->process_input();
                    });
}

// ---- The end

// The last reply must still arrive: closing a socket with unread input would reset the connection before it.
// So only our direction is shut down, and input is discarded until the client closes its own.
void Connection::end(const std::string& why) {
    if (!session_)
        return;
    session_->disconnected();
    session_.reset();
    if (kind_ == Kind::Socket)
        ::shutdown(out_.native_handle(), SHUT_WR);
    asio::error_code ignored;
    out_.close(ignored);
    if (kind_ == Kind::Socket)
        await_input();
    if (const Ended ended = std::exchange(ended_, nullptr))
        ended(why);
}

void Connection::drain() {
    const ssize_t count = ::read(in_.native_handle(), input_.data(), input_.size());
    if (count > 0 || (count < 0 && (would_block(errno) || errno == EINTR))) {
        await_input();
        return;
    }
    asio::error_code ignored;
    in_.close(ignored);
}

}  // namespace ringside::gdbstub
