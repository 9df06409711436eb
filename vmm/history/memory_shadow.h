// A copy of guest memory as it was at the last record: written pages are compared with it.
#pragma once

#include "vmm/history/delta.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/snapshot/memory_copy.h"

namespace ringside::history {

class MemoryShadow {
  public:
    static Result<MemoryShadow> create(const machine::GuestMemory& memory);

    // Adds to a record what has changed in a page since the last look.
    void compare(Gpa page, DeltaWriter& out);
    bool differs(Gpa page);
    // Applies a record's runs to guest memory and to the copy.
    void apply(const Delta& delta);

  private:
    MemoryShadow(const machine::GuestMemory& memory, snapshot::MemoryCopy copy)
        : memory_(&memory), copy_(std::move(copy)) {}

    const machine::GuestMemory* memory_;
    snapshot::MemoryCopy copy_;
};

}  // namespace ringside::history
