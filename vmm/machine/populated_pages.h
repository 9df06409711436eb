// Which pages of a region can be other than zero. A guest with much memory has touched little of it: a search for
// contents need not read the rest, which the host would have to map.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/machine/guest_memory.h"

namespace ringside::machine {

class PopulatedPages {
  public:
    // As it is now: while every vCPU is parked and no device accesses the guest, or for memory that is not written. A
    // region that is not lazily allocated has all of its pages, as has one if the host does not say.
    explicit PopulatedPages(const MemoryRegion& region);

    struct Run {
        std::uint64_t start = 0, end = 0;  // offsets in the region
        std::uint64_t size() const { return end - start; }
        friend bool operator==(const Run&, const Run&) = default;
    };
    // The first run of populated pages from `offset` on, truncated there.
    std::optional<Run> next(std::uint64_t offset) const;

  private:
    std::vector<Run> runs_;  // in order, none empty, with gaps between them
};

}  // namespace ringside::machine
