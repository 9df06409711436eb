// The last exits of one vCPU, in a ring that any thread can read while it is written.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "vmm/exits/record/counter.h"
#include "vmm/exits/record/exit_record.h"

namespace ringside::exits {

// Each entry is a seqlock in one cache line. Its sequence number is odd while the entry is being written, and
// identifies the lap of the ring, so a reader leaves out entries that were overwritten while it read them.
class RecentExits {
  public:
    static constexpr std::size_t kCapacity = 4096;
    static_assert((kCapacity & (kCapacity - 1)) == 0);

    void push(const ExitRecord& exit) noexcept;
    void clear() noexcept { begin_.set(end_.own()); }
    // At most `limit` of the newest, oldest first.
    std::vector<ExitRecord> read(std::size_t limit) const;

  private:
    struct alignas(64) Entry {
        Counter sequence;
        std::array<Counter, 7> words;
    };

    Counter begin_;  // position of the first entry since the last clear
    Counter end_;    // position of the next entry
    std::array<Entry, kCapacity> entries_;
};

}  // namespace ringside::exits
