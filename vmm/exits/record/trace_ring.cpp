#include "vmm/exits/record/trace_ring.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace ringside::exits {

TraceWakeup::TraceWakeup() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

TraceWakeup::~TraceWakeup() {
    if (fd_ >= 0)
        ::close(fd_);
}

void TraceWakeup::wake() const noexcept {
    // Fails only where the counter is full: then the sleeper is being woken already.
    [[maybe_unused]] const int ignored = ::eventfd_write(fd_, 1);
}

void TraceWakeup::acknowledge() noexcept {
    sleeping_.store(false, std::memory_order_release);
    eventfd_t count = 0;
    [[maybe_unused]] const int ignored = ::eventfd_read(fd_, &count);
}

}  // namespace ringside::exits
