#include "vmm/snapshot/memory_copy.h"

#include <algorithm>

#include "vmm/snapshot/used_pages.h"

namespace ringside::snapshot {

using machine::kPageSize;

Result<MemoryCopy> MemoryCopy::of(const machine::GuestMemory& memory) {
    MemoryCopy copy;
    for (const machine::MemoryRegion& theirs : memory.regions()) {
        if (theirs.read_only())
            continue;
        auto own = TRY(machine::MemoryRegion::allocate(theirs.start(), theirs.size()));
        for_each_used_page(theirs, [&](std::uint64_t at) {
            std::ranges::copy(std::span(theirs.host() + at, kPageSize), own.host() + at);
        });
        copy.regions_.push_back(std::move(own));
    }
    return copy;
}

std::span<std::byte> MemoryCopy::at(Gpa gpa, std::size_t size) const {
    for (const machine::MemoryRegion& region : regions_) {
        if (gpa >= region.start() && gpa < region.end() && size <= region.end() - gpa)
            return {region.host() + (gpa - region.start()), size};
    }
    return {};
}

}  // namespace ringside::snapshot
