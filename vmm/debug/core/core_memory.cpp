#include "vmm/debug/core/core_memory.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace ringside::debug {

std::vector<FileSegment> disjoint(std::vector<FileSegment> segments) {
    std::ranges::sort(segments, {}, &FileSegment::physical_address);
    std::vector<FileSegment> result;
    std::uint64_t covered = 0;  // the end of what the result has
    for (const FileSegment& segment : segments) {
        const std::uint64_t end = segment.physical_address + segment.size;
        const std::uint64_t start = std::max(covered, segment.physical_address);
        if (start >= end)
            continue;
        const FileSegment rest{start, segment.offset + (start - segment.physical_address), end - start};
        if (!result.empty() && result.back().physical_address + result.back().size == rest.physical_address &&
            result.back().offset + result.back().size == rest.offset)
            result.back().size += rest.size;
        else
            result.push_back(rest);
        covered = end;
    }
    return result;
}

Result<machine::GuestMemory> memory_of(Fd file, const std::vector<FileSegment>& segments) {
    const auto shared = std::make_shared<const Fd>(std::move(file));
    std::vector<machine::MemoryRegion> regions;
    for (const FileSegment& segment : segments)
        regions.push_back(machine::MemoryRegion::of_file(Gpa{segment.physical_address}, shared,
                                                         segment.offset, segment.size));
    return machine::GuestMemory::create(std::move(regions));
}

}  // namespace ringside::debug
