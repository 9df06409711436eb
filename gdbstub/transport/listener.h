// Listening sockets, TCP and unix.
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

#include "gdbstub/target.h"
#include "gdbstub/transport/endpoint.h"
#include "gdbstub/transport/unique_fd.h"

namespace ringside::gdbstub {

class Listener {
  public:
    // Errors are one line and say what to do.
    static Result<Listener> open(const TcpEndpoint& endpoint);
    // The socket's file is accessible only to its owner. One on which no program listens any more is replaced.
    static Result<Listener> open(const UnixEndpoint& endpoint);

    Listener(Listener&&) = default;
    Listener& operator=(Listener&&) = delete;
    // Removes the unix socket's file, if it is still the one that open() made.
    ~Listener();

    int fd() const { return fd_.get(); }
    const std::string& description() const { return description_; }
    std::uint16_t port() const { return port_; }

    // The next client, non-blocking and close-on-exec; no descriptor if there is none.
    UniqueFd accept(std::string& peer);

  private:
    Listener(UniqueFd fd, std::string description);

    UniqueFd fd_;
    // Closed to accept and drop a client when no descriptor is left. A client left in the queue would
    // keep the event loop busy.
    UniqueFd spare_;
    std::string description_;
    std::uint16_t port_ = 0;
    struct SocketFile {
        std::string path;
        dev_t device = 0;
        ino_t inode = 0;
    };
    SocketFile file_;
};

}  // namespace ringside::gdbstub
