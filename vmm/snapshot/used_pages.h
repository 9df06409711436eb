// The pages of a region that are not zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

#include "vmm/machine/page_set.h"
#include "vmm/machine/populated_pages.h"

namespace ringside::snapshot {

inline constexpr std::array<std::byte, machine::kPageSize> kZeroPage{};

inline bool is_used(const std::byte* page) {
    return std::memcmp(page, kZeroPage.data(), kZeroPage.size()) != 0;
}

// Calls `each` with the offset of each.
template <typename Each>
void for_each_used_page(const machine::MemoryRegion& region, Each each) {
    const machine::PopulatedPages populated(region);
    for (auto run = populated.next(0); run; run = populated.next(run->end)) {
        for (std::uint64_t at = run->start; at < run->end; at += machine::kPageSize) {
            if (is_used(region.host() + at))
                each(at);
        }
    }
}

}  // namespace ringside::snapshot
