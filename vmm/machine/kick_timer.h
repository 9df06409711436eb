// Kicks the thread that has made it out of KVM_RUN, again and again: a signal that comes just before the entry is lost, and
// the next one is not.
#pragma once

#include <ctime>

#include <chrono>
#include <utility>

#include "vmm/base/error.h"

namespace ringside::machine {

class KickTimer {
  public:
    // On the thread that is to be kicked.
    static Result<KickTimer> create();
    ~KickTimer();
    KickTimer(KickTimer&& other) noexcept
        : timer_(other.timer_), exists_(std::exchange(other.exists_, false)) {}
    KickTimer& operator=(KickTimer&&) = delete;

    void start(std::chrono::microseconds period) { set(period); }
    // One more signal may be on its way.
    void stop() { set(std::chrono::microseconds(0)); }

  private:
    explicit KickTimer(timer_t timer) : timer_(timer) {}
    void set(std::chrono::microseconds period);

    timer_t timer_;
    bool exists_ = true;
};

}  // namespace ringside::machine
