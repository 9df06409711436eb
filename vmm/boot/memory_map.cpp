#include "vmm/boot/memory_map.h"

#include <algorithm>

#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

// The part of a RAM region in [start, end), if any.
void add_ram(std::vector<MemoryMapEntry>& map, const machine::MemoryRegion& region, Gpa start, Gpa end) {
    start = std::max(start, region.start());
    end = std::min(end, region.end());
    if (start < end)
        map.push_back({start, end - start, MemoryType::Ram});
}

// RAM from `start` in one piece up to `limit`, in KiB.
std::uint64_t ram_kib(const machine::GuestMemory& memory, Gpa start, Gpa limit) {
    return memory.prefix(start, limit - start).size() / layout::kKiB;
}

}  // namespace

std::vector<MemoryMapEntry> memory_map(const machine::GuestMemory& memory) {
    constexpr Gpa kEnd{~std::uint64_t{0}};
    std::vector<MemoryMapEntry> map;
    map.push_back({layout::kEbda, layout::kHighMemory - layout::kEbda, MemoryType::Reserved});
    map.push_back({layout::kKvmIdentityMap, layout::kKvmTss + 3 * layout::kPage - layout::kKvmIdentityMap,
                   MemoryType::Reserved});
    for (const machine::MemoryRegion& region : memory.regions()) {
        if (region.read_only()) {
            if (region.start() >= layout::kHighMemory)  // memory below it is already reserved
                map.push_back({region.start(), region.size(), MemoryType::Reserved});
            continue;
        }
        add_ram(map, region, Gpa{0}, layout::kEbda);
        add_ram(map, region, layout::kHighMemory, kEnd);
    }
    std::sort(map.begin(), map.end(),
              [](const MemoryMapEntry& a, const MemoryMapEntry& b) { return a.start < b.start; });
    return map;
}

Gpa end_of_low_ram(const machine::GuestMemory& memory) {
    const auto region = std::ranges::find_if(memory.regions(), [](const machine::MemoryRegion& candidate) {
        return !candidate.read_only() && candidate.start() == Gpa{0};
    });
    return region == memory.regions().end() ? Gpa{0} : region->end();
}

std::uint64_t lower_memory_kib(const machine::GuestMemory& memory) {
    return ram_kib(memory, Gpa{0}, layout::kEbda);
}

std::uint64_t upper_memory_kib(const machine::GuestMemory& memory) {
    return ram_kib(memory, layout::kHighMemory, layout::kHole);
}

}  // namespace ringside::boot
