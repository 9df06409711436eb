#include "gdbstub/transport/listener.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <variant>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fmt/format.h>

namespace ringside::gdbstub {
namespace {

tl::unexpected<TargetError> cannot_listen(const std::string& where, std::string_view why,
                                          std::string_view advice) {
    return failure(TargetError::Code::Io, fmt::format("cannot listen on {}: {}; {}", where, why, advice));
}

std::string errno_text(int code) {
    return std::generic_category().message(code);
}

std::string_view advice_for(int code) {
    switch (code) {
        case EADDRINUSE:
            return "another program has it: choose another, or port 0 for any free one";
        case EACCES:
        case EPERM:
            return "no permission: choose a port above 1023, or a path that you may write to";
        case EADDRNOTAVAIL:
            return "this machine has no such address: use 127.0.0.1";
        case ENOENT:
        case ENOTDIR:
            return "its directory does not exist: create it first";
        default:
            return "choose another endpoint";
    }
}

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

UniqueFd make_socket(int family) {
    return UniqueFd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

std::uint16_t bound_port(int fd) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return 0;
    if (storage.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
    return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

std::string peer_name(const sockaddr_storage& storage, socklen_t size) {
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (storage.ss_family == AF_UNIX ||
        ::getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, host.data(), host.size(),
                      port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "a local client";
    return fmt::format("{}:{}", host.data(), port.data());
}

Result<sockaddr_un> unix_address(const UnixEndpoint& endpoint) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (endpoint.path.size() >= sizeof address.sun_path)
        return cannot_listen(to_string(endpoint), "the path is too long",
                             fmt::format("use fewer than {} characters", sizeof address.sun_path));
    std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());
    return address;
}

// A socket's file outlives a server that was killed. If connecting is refused, no program listens on it.
bool is_stale(const sockaddr_un& address) {
    struct stat status {};
    if (::lstat(address.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    const UniqueFd probe = make_socket(AF_UNIX);
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
           errno == ECONNREFUSED;
}

bool bind_unix(int fd, const sockaddr_un& address) {
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Listener::Listener(UniqueFd fd, std::string description)
    : fd_(std::move(fd)),
      spare_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      description_(std::move(description)) {}

Listener::~Listener() {
    struct stat status {};
    if (fd_.valid() && !file_.path.empty() && ::lstat(file_.path.c_str(), &status) == 0 &&
        status.st_dev == file_.device && status.st_ino == file_.inode)
        ::unlink(file_.path.c_str());
}

Result<Listener> Listener::open(const TcpEndpoint& endpoint) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int failed =
        ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
    if (failed != 0)
        return cannot_listen(to_string(endpoint), ::gai_strerror(failed),
                             "give an address of this machine, such as 127.0.0.1");
    const AddressList addresses(found, &freeaddrinfo);

    UniqueFd fd = make_socket(addresses->ai_family);
    const int on = 1;
    // Lets a new run have the port at once; a port that another program listens on is still refused.
    if (!fd.valid() || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd.get(), addresses->ai_addr, addresses->ai_addrlen) != 0 ||
        ::listen(fd.get(), SOMAXCONN) != 0) {
        const int code = errno;
        return cannot_listen(to_string(endpoint), errno_text(code), advice_for(code));
    }
    TcpEndpoint actual = endpoint;
    actual.port = bound_port(fd.get());
    Listener listener(std::move(fd), to_string(actual));
    listener.port_ = actual.port;
    return listener;
}

Result<Listener> Listener::open(const UnixEndpoint& endpoint) {
    const sockaddr_un address = STUB_TRY(unix_address(endpoint));
    UniqueFd fd = make_socket(AF_UNIX);
    bool bound = fd.valid() && bind_unix(fd.get(), address);
    if (!bound && errno == EADDRINUSE) {
        bound = is_stale(address) && ::unlink(address.sun_path) == 0 && bind_unix(fd.get(), address);
        if (!bound)
            errno = EADDRINUSE;
    }
    // No client can connect before listen(), so the file is never accessible to others.
    if (!bound || ::chmod(address.sun_path, S_IRUSR | S_IWUSR) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) {
        const int code = errno;
        return cannot_listen(
            to_string(endpoint), errno_text(code),
            code == EADDRINUSE ? "a file or another server is there: choose another path" : advice_for(code));
    }
    struct stat status {};
    ::lstat(address.sun_path, &status);
    Listener listener(std::move(fd), to_string(endpoint));
    listener.file_ = {endpoint.path, status.st_dev, status.st_ino};
    return listener;
}

UniqueFd Listener::accept(std::string& peer) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    UniqueFd client(
        ::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.valid()) {
        peer = peer_name(storage, size);
        const int on = 1;  // fails on a unix socket, which has no such delay
        ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    } else if (errno == EMFILE || errno == ENFILE) {
        spare_.reset();
        UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
        spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    return client;
}

}  // namespace ringside::gdbstub
