// A copy of a guest's RAM.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "vmm/machine/guest_memory.h"

namespace ringside::snapshot {

class MemoryCopy {
  public:
    // Copies what is not zero, so that untouched guest memory costs nothing.
    static Result<MemoryCopy> of(const machine::GuestMemory& memory);
    // Zeros, in the shape of `memory`.
    static Result<MemoryCopy> empty(const machine::GuestMemory& memory);

    std::span<const machine::MemoryRegion> regions() const { return regions_; }
    std::uint64_t pages_used() const { return pages_used_; }
    // The bytes at an address; empty if they are not RAM.
    std::span<std::byte> at(Gpa gpa, std::size_t size) const;
    void set_page(Gpa page, std::span<const std::byte> bytes);
    void for_each_used_page(const std::function<void(Gpa, std::span<const std::byte>)>& each) const;
    // Calls `each` with the address of each page that differs in `memory`, and the page as it is here.
    void for_each_difference(const machine::GuestMemory& memory,
                             const std::function<void(Gpa, std::span<const std::byte>)>& each) const;

  private:
    std::vector<machine::MemoryRegion> regions_;
    std::uint64_t pages_used_ = 0;
};

}  // namespace ringside::snapshot
