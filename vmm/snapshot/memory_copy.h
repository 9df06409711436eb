// A copy of a guest's RAM that can be written to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vmm/machine/guest_memory.h"

namespace ringside::snapshot {

class MemoryCopy {
  public:
    // Copies what is not zero, so that untouched guest memory costs nothing.
    static Result<MemoryCopy> of(const machine::GuestMemory& memory);

    // The bytes at an address; empty if they are not RAM.
    std::span<std::byte> at(Gpa gpa, std::size_t size) const;

  private:
    std::vector<machine::MemoryRegion> regions_;
};

}  // namespace ringside::snapshot
