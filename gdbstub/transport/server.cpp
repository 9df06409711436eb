#include "gdbstub/transport/server.h"

#include <algorithm>
#include <csignal>
#include <optional>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <asio/dispatch.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>

#include "gdbstub/transport/connection.h"
#include "gdbstub/transport/listener.h"
#include "gdbstub/transport/non_blocking_guard.h"
#include "gdbstub/transport/serial_port.h"

namespace ringside::gdbstub {
namespace {

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
        for (const auto& connection : connections_)
            connection->close();
        connections_.clear();
        client_.reset();
        stdin_guard_.reset();
        stdout_guard_.reset();
    }

    void post_stop(StopEvent event) {
        asio::dispatch(io_, [self = weak_from_this(), event = std::move(event)] {
            if (const auto impl = self.lock(); impl && impl->client_)
                impl->client_->on_stop(event);
        });
    }

    void post_console(std::string text, Server::Otherwise otherwise) {
        asio::post(io_, [self = weak_from_this(), text = std::move(text), otherwise = std::move(otherwise)] {
            if (const auto impl = self.lock(); impl && impl->client_)
                impl->client_->on_console(text);
            else if (otherwise)
                otherwise(text);
        });
    }

    const std::string& description() const { return description_; }
    std::uint16_t port() const { return listener_ ? listener_->port() : std::uint16_t{0}; }
    bool connected() const { return client_ != nullptr; }

  private:
    Result<void> open_as(const TcpEndpoint& endpoint) { return listen(Listener::open(endpoint)); }
    Result<void> open_as(const UnixEndpoint& endpoint) { return listen(Listener::open(endpoint)); }

    Result<void> open_as(const SerialEndpoint& endpoint) {
        UniqueFd fd = STUB_TRY(open_serial_port(endpoint));
        description_ = to_string(endpoint);
        UniqueFd out = duplicate(fd.get());
        serve(Connection::Kind::File, std::move(fd), std::move(out),
              {.run_length_encoding = true, .line_outlives_client = true}, description_);
        return {};
    }

    Result<void> open_as(const StdioEndpoint& endpoint) {
        ignore_sigpipe();
        description_ = to_string(endpoint);
        stdin_guard_.emplace(STDIN_FILENO);
        stdout_guard_.emplace(STDOUT_FILENO);
        serve(Connection::Kind::File, duplicate(STDIN_FILENO), duplicate(STDOUT_FILENO),
              {.attach_at_once = true}, description_);
        return {};
    }

    Result<void> listen(Result<Listener> listener) {
        listener_.emplace(STUB_TRY(std::move(listener)));
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
        UniqueFd out = duplicate(client.get());
        if (!out.valid()) {
            log("refused " + peer + ": no file descriptor is left");
            return;
        }
        serve(Connection::Kind::Socket, std::move(client), std::move(out), {}, peer);
    }

    void serve(Connection::Kind kind, UniqueFd in, UniqueFd out, SessionOptions options,
               const std::string& peer) {
        make_room();
        const auto connection = Connection::make(io_, kind, std::move(in), std::move(out));
        connections_.push_back(connection);
        SessionHooks hooks;
        hooks.on_error = hooks_.on_error;
        const std::weak_ptr<Connection> weak = connection;
        hooks.admit = [this, weak, peer] { return admit(weak.lock(), peer); };
        if (options.attach_at_once)
            (void)admit(connection, peer);
        connection->start(target_, options, std::move(hooks),
                          [self = weak_from_this(), weak, peer](const std::string& why) {
                              if (const auto impl = self.lock())
                                  impl->session_ended(weak.lock(), peer, why);
                          });
    }

    // Connections that send nothing, and those whose session is over but whose peer does not close them, stay
    // until others need the room: then the oldest is closed.
    void make_room() {
        if (connections_.size() < kMaxConnections)
            return;
        const auto oldest = std::find_if(connections_.begin(), connections_.end(),
                                         [this](const auto& connection) { return connection != client_; });
        (*oldest)->close();
        connections_.erase(oldest);
    }

    // Called by a session when its first packet has arrived.
    std::string admit(const std::shared_ptr<Connection>& connection, const std::string& peer) {
        if (client_) {
            log("refused " + peer + ": " + client_name_ + " is attached already");
            return "another debugger (" + client_name_ + ") is attached to this guest: detach it first";
        }
        client_ = connection;
        client_name_ = peer;
        log("debugger attached: " + peer);
        if (hooks_.on_connect)
            hooks_.on_connect();
        return {};
    }

    void session_ended(const std::shared_ptr<Connection>& connection, const std::string& peer,
                       const std::string& why) {
        if (connection != client_)
            return;
        client_.reset();
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
    static constexpr std::size_t kMaxConnections = 16;
    std::vector<std::shared_ptr<Connection>> connections_;  // the oldest first
    std::shared_ptr<Connection> client_;                    // the one that is attached
    std::string client_name_;
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
    STUB_TRY(impl->open(endpoint));
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::post_stop(StopEvent event) {
    impl_->post_stop(std::move(event));
}
void Server::post_console(std::string text, Otherwise otherwise) {
    impl_->post_console(std::move(text), std::move(otherwise));
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
