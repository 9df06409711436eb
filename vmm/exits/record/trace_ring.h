// From a vCPU's thread to the trace writer's, without either waiting for the other.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "vmm/exits/record/counter.h"
#include "vmm/exits/record/packed_exit.h"

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
template <typename Record, typename Packed>
class BasicTraceRing {
  public:
    static constexpr std::size_t kCapacity = 32768;  // 1.75 MiB; at 500,000 exits a second it lasts for 65 ms
    static_assert((kCapacity & (kCapacity - 1)) == 0);

    explicit BasicTraceRing(TraceWakeup& wakeup)
        : wakeup_(wakeup), exits_(std::make_unique<Packed[]>(kCapacity)) {}

    // The producer's thread.
    void push(const Record& exit) noexcept {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        const std::uint64_t used = head - tail_.get();
        if (used >= kCapacity) {
            dropped_.add(1);
            return;
        }
        exits_[head % kCapacity] = pack(exit);
        // Sequentially consistent, as is the sleeper's side: either it sees this exit before it sleeps, or
        // this thread sees that it sleeps.
        head_.store(head + 1, std::memory_order_seq_cst);
        if (used == kCapacity / 2)
            wakeup_.wake();
        else
            wakeup_.wake_sleeper();
    }

    struct Batch {
        std::uint64_t first = 0;    // how many were taken out before
        std::uint64_t dropped = 0;  // so far, in all
        std::vector<Packed> exits;
    };
    // The consumer's thread: takes out what there is, at most `limit`.
    Batch drain(std::size_t limit) {
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
    bool empty() const noexcept { return head_.load(std::memory_order_seq_cst) == tail_.get(); }
    std::uint64_t dropped() const noexcept { return dropped_.get(); }

  private:
    TraceWakeup& wakeup_;
    std::unique_ptr<Packed[]> exits_;
    alignas(64) std::atomic<std::uint64_t> head_{0};  // next to write
    Counter dropped_;
    alignas(64) Counter tail_;  // next to read
};

using TraceRing = BasicTraceRing<ExitRecord, PackedExit>;

// Hardware exits. What the kernel lost before they came here is set by the producer.
class HardwareTraceRing : public BasicTraceRing<HardwareRecord, PackedHardwareExit> {
  public:
    using BasicTraceRing::BasicTraceRing;
    Counter lost;
    Counter unpaired;
};

}  // namespace ringside::exits
