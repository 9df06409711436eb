// A number that one thread writes and any thread reads.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringside::exits {

// With a single writer an increment needs no locked instruction: a load, an add and a store suffice. Stores
// release and loads acquire (both are plain moves on x86), so a thread that sees a value also sees everything
// written before it. Fences would do as well, but ThreadSanitizer does not understand them.
template <typename T>
class SingleWriter {
  public:
    T get() const noexcept { return value_.load(std::memory_order_acquire); }
    void set(T value) noexcept { value_.store(value, std::memory_order_release); }
    void add(T amount) noexcept { set(own() + amount); }
    // The writer's own view.
    T own() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<T> value_{};
    static_assert(std::atomic<T>::is_always_lock_free);
};

using Counter = SingleWriter<std::uint64_t>;

}  // namespace ringside::exits
