#include "vmm/exits/trace_ring.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

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

void TraceRing::push(const ExitRecord& exit) noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    const std::uint64_t used = head - tail_.get();
    if (used >= kCapacity) {
        dropped_.add(1);
        return;
    }
    exits_[head % kCapacity] = pack(exit);
    // Sequentially consistent, as is the sleeper's side: either it sees this exit before it sleeps, or this
    // thread sees that it sleeps.
    head_.store(head + 1, std::memory_order_seq_cst);
    if (used == kCapacity / 2)
        wakeup_.wake();
    else
        wakeup_.wake_sleeper();
}

TraceRing::Batch TraceRing::drain(std::size_t limit) {
    Batch batch;
    batch.first = tail_.own();
    batch.dropped = dropped_.get();
    const std::uint64_t available = head_.load(std::memory_order_acquire) - batch.first;
    const std::uint64_t end = batch.first + std::min<std::uint64_t>(available, limit);
    batch.exits.reserve(static_cast<std::size_t>(end - batch.first));
    for (std::uint64_t position = batch.first; position != end; ++position)
        batch.exits.push_back(exits_[position % kCapacity]);
    tail_.set(end);
    return batch;
}

}  // namespace ringside::exits
