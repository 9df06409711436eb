// perf_event_open on tracepoints of one thread: a ring to read records from, or a signal for each.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"

namespace ringside::exits {

// The records of several tracepoints of one thread, in one ring, in the order in which they were written. One
// thread at a time may use it.
class PerfRing {
  public:
    // `pages` (a power of two) bounds the ring. The error says what a refusal means.
    static Result<PerfRing> open(pid_t thread, std::span<const std::uint32_t> tracepoints, std::size_t pages);

    void enable(bool on) const;
    // Becomes readable when a quarter of the ring is full.
    int fd() const { return events_.front().get(); }
    using OnSample = std::function<void(std::span<const std::byte> raw, std::uint64_t nanoseconds)>;
    using OnLost = std::function<void(std::uint64_t records)>;
    // Takes all records.
    void drain(const OnSample& on_sample, const OnLost& on_lost);

  private:
    PerfRing(std::vector<Fd> events, Mapping mapping, std::size_t size)
        : events_(std::move(events)), mapping_(std::move(mapping)), size_(size) {}
    std::vector<Fd> events_;
    Mapping mapping_;
    std::size_t size_ = 0;  // of the data area, bytes
    std::vector<std::byte> record_;
};

// Sends the thread itself a SIGTRAP, before it continues, for each record of a tracepoint that passes a
// filter. Armed on a vCPU's thread with kvm:kvm_exit, it makes KVM_RUN return EINTR before the guest is
// entered again, so the guest stops right after the exit. The process must have a handler for SIGTRAP, or the
// thread must block the signal and wait for it.
class HardwareCatch {
  public:
    // The signal carries `cookie`. The destructor disarms the event.
    static Result<HardwareCatch> arm(pid_t thread, std::uint32_t tracepoint, const std::string& filter,
                                     std::uint64_t cookie);
    // Stops and resumes the signals without closing the event.
    Result<void> enable(bool on) const;
    pid_t thread() const { return thread_; }
    // Returns true if a record has passed the filter since the last call, whether or not its signal has arrived: the kernel
    // drops a SIGTRAP while another one is pending, so several catches of one exit send one signal.
    bool fired();

  private:
    HardwareCatch(Fd event, pid_t thread) : event_(std::move(event)), thread_(thread) {}
    Fd event_;
    pid_t thread_;
    std::uint64_t seen_ = 0;  // of the event's count
};

// The cookie of the HardwareCatch that raised a SIGTRAP; nullopt for any other SIGTRAP.
std::optional<std::uint64_t> caught_cookie(const siginfo_t& info);

}  // namespace ringside::exits
