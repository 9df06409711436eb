// Counts and durations by kind of exit: an open-addressing table of fixed size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "vmm/exits/counter.h"
#include "vmm/exits/exit_record.h"
#include "vmm/exits/statistics.h"

namespace ringside::exits {

// The guest chooses the addresses, so it could fill any table. When a key finds no place among the `kExact`
// ones, its address is dropped and it is counted in a part of the table that is kept for such: totals by
// reason stay exact.
class ExitTable {
  public:
    static constexpr std::size_t kExact = 768;
    static constexpr std::size_t kMerged = 256;

    void count(const ExitRecord& exit) noexcept;
    void clear() noexcept;
    // Fills in `keys`, `merged` and `unclassified`.
    void read(VcpuStatistics& statistics) const;

  private:
    struct LiveHistogram {
        std::array<Counter, kHistogramBuckets> buckets;
        Counter total;
        Counter maximum;

        void add(std::uint64_t ticks) noexcept;
        void clear() noexcept;
        Histogram read() const;
    };

    struct alignas(64) Slot {
        Counter kind;  // reason, direction and size, and kUsed; 0 while the slot is free
        Counter address;
        Counter count;
        Counter accesses;
        LiveHistogram run;
        LiveHistogram handler;
    };

    // Where a key lives, or a free slot for it, or none. Looks at few places, so that a full table costs
    // little.
    Slot* find(std::size_t first, std::size_t size, std::uint64_t kind, std::uint64_t address) noexcept;

    Counter merged_;
    Counter unclassified_;
    std::array<Slot, kExact + kMerged> slots_;
};

}  // namespace ringside::exits
