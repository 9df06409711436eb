// Unix sockets by path.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"

namespace ringside::devices::virtio {

inline Result<sockaddr_un> unix_address(const std::string& operation, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return failure(operation, "the path is too long for a unix socket");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

// Returns a stream socket that is connected to the listener at the path. Does not wait: a listener that is
// too busy to accept at once is an error (EAGAIN), and so is an absent one.
inline Result<Fd> connect_unix(const std::string& operation, const std::string& path) {
    const auto address = TRY(unix_address(operation, path));
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return errno_failure(operation, errno, "A program must listen there first");
    return fd;
}

}  // namespace ringside::devices::virtio
