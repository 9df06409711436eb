// A descriptor that does not block for a time.
#pragma once

#include <fcntl.h>

namespace ringside::gdbstub {

// A descriptor from outside shares its flags with other processes that have it open (a terminal's
// shell): they are restored at the end.
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

}  // namespace ringside::gdbstub
