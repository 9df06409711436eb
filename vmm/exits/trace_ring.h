// From a vCPU's thread to the trace writer's, without either waiting for the other.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "vmm/exits/counter.h"
#include "vmm/exits/packed_exit.h"

namespace ringside::exits {

// Wakes the thread that drains rings. The producer's side costs one load unless that thread sleeps.
class TraceWakeup {
  public:
    TraceWakeup();
    TraceWakeup(const TraceWakeup&) = delete;
    TraceWakeup& operator=(const TraceWakeup&) = delete;
    ~TraceWakeup();

    int fd() const { return fd_; }  // an eventfd: readable after a wake-up
    void wake() const noexcept;
    // The sleeper announces that it will wait until something is pushed; it must look at the rings once more
    // afterwards.
    void announce_sleep() noexcept { sleeping_.store(true, std::memory_order_seq_cst); }
    void wake_sleeper() noexcept {
        if (sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false, std::memory_order_acq_rel))
            wake();
    }
    // The sleeper is awake: no more wake-ups are needed.
    void acknowledge() noexcept;

  private:
    int fd_ = -1;
    std::atomic<bool> sleeping_{false};
};

// A bounded queue of exits: one producer, one consumer. What does not fit is dropped and counted.
class TraceRing {
  public:
    static constexpr std::size_t kCapacity = 32768;  // 1.75 MiB; at 500,000 exits a second it lasts for 65 ms
    static_assert((kCapacity & (kCapacity - 1)) == 0);

    explicit TraceRing(TraceWakeup& wakeup)
        : wakeup_(wakeup), exits_(std::make_unique<PackedExit[]>(kCapacity)) {}

    // The producer's thread.
    void push(const ExitRecord& exit) noexcept;

    struct Batch {
        std::uint64_t first = 0;    // how many were taken out before
        std::uint64_t dropped = 0;  // so far, in all
        std::vector<PackedExit> exits;
    };
    // The consumer's thread: takes out what there is, at most `limit`.
    Batch drain(std::size_t limit);
    bool empty() const noexcept { return head_.load(std::memory_order_seq_cst) == tail_.get(); }
    std::uint64_t dropped() const noexcept { return dropped_.get(); }

  private:
    TraceWakeup& wakeup_;
    std::unique_ptr<PackedExit[]> exits_;
    alignas(64) std::atomic<std::uint64_t> head_{0};  // next to write
    Counter dropped_;
    alignas(64) Counter tail_;  // next to read
};

}  // namespace ringside::exits
