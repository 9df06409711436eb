// Which pages of a region can be other than zero. A guest with much memory has touched little of it: whoever looks for
// contents need not look at the rest, which the host would have to map for that.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/machine/guest_memory.h"

namespace ringside::machine {

class PopulatedPages {
  public:
    // As it is now: while every vCPU is parked and every device kept out, or of memory that nobody else writes. A region
    // that is not lazily allocated has all of its pages, and so has one if the host does not say.
    explicit PopulatedPages(const MemoryRegion& region);

    struct Run {
        std::uint64_t start = 0, end = 0;  // offsets in the region
        std::uint64_t size() const { return end - start; }
        friend bool operator==(const Run&, const Run&) = default;
    };
    // The first run of populated pages from `offset` on, cut off there.
    std::optional<Run> next(std::uint64_t offset) const;

  private:
    std::vector<Run> runs_;  // in order, none empty, with gaps between them
};

}  // namespace ringside::machine
