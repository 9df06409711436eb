// Counts and durations by kind of exit: an open-addressing table of fixed size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "vmm/exits/record/counter.h"
#include "vmm/exits/record/exit_record.h"
#include "vmm/exits/record/statistics.h"

namespace ringside::exits {

// The guest chooses the addresses, so it could fill any table. A key that finds no free slot among the
// `kExact` ones is counted without its address in a reserved part of the table, so totals by reason stay
// exact.
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

    // The slot of a key, a free slot for it, or nullptr. Probes only a few slots, so that a full table costs
    // little.
    Slot* find(std::size_t first, std::size_t size, std::uint64_t kind, std::uint64_t address) noexcept;

    Counter merged_;
    Counter unclassified_;
    std::array<Slot, kExact + kMerged> slots_;
};

}  // namespace ringside::exits
