// A second copy of guest memory, as it was at the last record: what a written page is compared with.
#pragma once

#include <vector>

#include "vmm/history/delta.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::history {

class MemoryShadow {
  public:
    // Copies what is not zero, so that memory that the guest has never touched costs nothing.
    static Result<MemoryShadow> create(const machine::GuestMemory& memory);

    // Adds what has changed in a page since the last look to a record.
    void compare(Gpa page, DeltaWriter& out);
    bool differs(Gpa page);
    // Applies a record's runs to guest memory and to the copy.
    void apply(const Delta& delta);

  private:
    explicit MemoryShadow(const machine::GuestMemory& memory) : memory_(&memory) {}
    std::span<std::byte> copy_of(Gpa gpa, std::size_t size);

    const machine::GuestMemory* memory_;
    std::vector<machine::MemoryRegion> copies_;
};

}  // namespace ringside::history
