// A snapshot's copy of a guest's RAM. Pages that two snapshots have in common are kept once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "vmm/machine/guest_memory.h"
#include "vmm/machine/page_set.h"

namespace ringside::snapshot {

class SharedPages {
  public:
    // Zeros, in the shape of `memory`. Pages that are zero take no space.
    explicit SharedPages(const machine::GuestMemory& memory);
    static SharedPages of(const machine::GuestMemory& memory);
    // The same, if no page but those of `changed` differs from `base`: only they are read and copied.
    static SharedPages of(const machine::GuestMemory& memory, const SharedPages& base,
                          const machine::PageSet& changed);

    // The number of pages that are not zero.
    std::uint64_t used() const { return used_; }
    // The page at an address; empty if there is no RAM.
    std::span<const std::byte> at(Gpa page) const;
    // Does nothing if there is no RAM.
    void set(Gpa page, std::span<const std::byte> bytes);
    void for_each_used(const std::function<void(Gpa, std::span<const std::byte>)>& each) const;
    // Calls `each` with each page that differs in `memory`, in order: of all of RAM, or of `among`.
    void for_each_difference(const machine::GuestMemory& memory, const std::function<void(Gpa)>& each) const;
    void for_each_difference(const machine::GuestMemory& memory, const machine::PageSet& among,
                             const std::function<void(Gpa)>& each) const;

  private:
    using Page = std::array<std::byte, machine::kPageSize>;
    using Pages = std::vector<std::shared_ptr<const Page>>;  // null if zero
    struct Region {
        Gpa start;
        Pages pages;
    };
    const std::shared_ptr<const Page>* find(Gpa page) const;

    std::vector<Region> regions_;
    std::uint64_t used_ = 0;
};

}  // namespace ringside::snapshot
