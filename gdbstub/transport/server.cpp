#include "gdbstub/transport/server.h"

#include <csignal>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>

#include "gdbstub/transport/connection.h"
#include "gdbstub/transport/listener.h"
#include "gdbstub/transport/serial_port.h"

namespace ringside::gdbstub {
namespace {

// A descriptor that we got from outside has its flags shared with whoever else has it open (a terminal's
// shell): they are put back in the end.
class NonBlockingGuard {
  public:
    explicit NonBlockingGuard(int fd) : fd_(fd), flags_(::fcntl(fd, F_GETFL)) {
        ::fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK);
    }
    ~NonBlockingGuard() { ::fcntl(fd_, F_SETFL, flags_); }
    NonBlockingGuard(const NonBlockingGuard&) = delete;
    NonBlockingGuard& operator=(const NonBlockingGuard&) = delete;

  private:
    int fd_;
    int flags_;
};

UniqueFd duplicate(int fd) {
    return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

// A pipe has no MSG_NOSIGNAL: without this a client that leaves would take the process with it.
void ignore_sigpipe() {
    ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
  public:
    Impl(asio::io_context& io, Target& target, ServerHooks hooks)
        : io_(io), target_(target), hooks_(std::move(hooks)), acceptor_(io) {}

    Result<void> open(const Endpoint& endpoint) {
        return std::visit([this](const auto& e) { return open_as(e); }, endpoint);
    }

    void close() {
        asio::error_code ignored;
        if (listener_) {
            acceptor_.release();  // the listener closes it
            listener_.reset();
        }
        if (connection_)
            connection_->close();
        if (draining_)
            draining_->close();
        connection_.reset();
        draining_.reset();
        stdin_guard_.reset();
        stdout_guard_.reset();
    }

    void post_stop(StopEvent event) {
        asio::post(io_, [self = weak_from_this(), event = std::move(event)] {
            if (const auto impl = self.lock(); impl && impl->connection_)
                impl->connection_->on_stop(event);
        });
    }

    const std::string& description() const { return description_; }
    std::uint16_t port() const { return listener_ ? listener_->port() : std::uint16_t{0}; }
    bool connected() const { return connection_ != nullptr; }

  private:
    Result<void> open_as(const TcpEndpoint& endpoint) { return listen(Listener::open(endpoint)); }
    Result<void> open_as(const UnixEndpoint& endpoint) { return listen(Listener::open(endpoint)); }

    Result<void> open_as(const SerialEndpoint& endpoint) {
        auto fd = open_serial_port(endpoint);
        if (!fd)
            return tl::unexpected(fd.error());
        description_ = to_string(endpoint);
        UniqueFd out = duplicate(fd->get());
        serve(Connection::Kind::File, std::move(*fd), std::move(out),
              {.run_length_encoding = true, .line_outlives_client = true}, description_);
        return {};
    }

    Result<void> open_as(const StdioEndpoint& endpoint) {
        ignore_sigpipe();
        description_ = to_string(endpoint);
        stdin_guard_.emplace(STDIN_FILENO);
        stdout_guard_.emplace(STDOUT_FILENO);
        serve(Connection::Kind::File, duplicate(STDIN_FILENO), duplicate(STDOUT_FILENO), {}, description_);
        return {};
    }

    Result<void> listen(Result<Listener> listener) {
        if (!listener)
            return tl::unexpected(listener.error());
        listener_.emplace(std::move(*listener));
        description_ = listener_->description();
        acceptor_.assign(listener_->fd());
        await_client();
        return {};
    }

    void await_client() {
        acceptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                             [self = weak_from_this()](const asio::error_code& error) {
                                 const auto impl = self.lock();
                                 if (error || !impl || !impl->listener_)
                                     return;
                                 impl->accept_client();
                                 impl->await_client();
                             });
    }

    void accept_client() {
        std::string peer;
        UniqueFd client = listener_->accept(peer);
        if (!client.valid())
            return;
        if (connection_) {
            log("refused " + peer + ": a debugger is already attached");
            return;
        }
        UniqueFd out = duplicate(client.get());
        if (!out.valid()) {
            log("refused " + peer + ": no file descriptor is left");
            return;
        }
        serve(Connection::Kind::Socket, std::move(client), std::move(out), {}, peer);
    }

    void serve(Connection::Kind kind, UniqueFd in, UniqueFd out, SessionOptions options,
               const std::string& peer) {
        if (draining_)
            draining_->close();
        draining_.reset();
        connection_ = Connection::make(io_, kind, std::move(in), std::move(out));
        log("debugger attached: " + peer);
        connection_->start(target_, options, [self = weak_from_this(), peer](const std::string& why) {
            if (const auto impl = self.lock())
                impl->client_left(peer, why);
        });
        if (hooks_.on_connect)
            hooks_.on_connect();
    }

    void client_left(const std::string& peer, const std::string& why) {
        draining_ = std::exchange(connection_, nullptr);
        log("debugger left: " + peer + ": " + why);
        if (hooks_.on_disconnect)
            hooks_.on_disconnect();
    }

    void log(const std::string& line) {
        if (hooks_.on_event)
            hooks_.on_event(line);
    }

    asio::io_context& io_;
    Target& target_;
    ServerHooks hooks_;
    std::string description_;
    std::optional<Listener> listener_;
    asio::posix::stream_descriptor acceptor_;  // watches the listener's descriptor, does not own it
    std::shared_ptr<Connection> connection_;
    std::shared_ptr<Connection> draining_;  // its session is over; the client has yet to close
    std::optional<NonBlockingGuard> stdin_guard_;
    std::optional<NonBlockingGuard> stdout_guard_;
};

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
    impl_->close();
}

Result<std::unique_ptr<Server>> Server::open(asio::io_context& io, const Endpoint& endpoint, Target& target,
                                             ServerHooks hooks) {
    auto impl = std::make_shared<Impl>(io, target, std::move(hooks));
    if (const auto opened = impl->open(endpoint); !opened)
        return tl::unexpected(opened.error());
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::post_stop(StopEvent event) {
    impl_->post_stop(std::move(event));
}
const std::string& Server::description() const {
    return impl_->description();
}
std::uint16_t Server::port() const {
    return impl_->port();
}
bool Server::connected() const {
    return impl_->connected();
}

}  // namespace ringside::gdbstub
