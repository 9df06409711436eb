// The physical memory in the segments of a vmcore.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::debug {

struct FileSegment {
    std::uint64_t physical_address = 0;
    std::uint64_t offset = 0;  // in the file
    std::uint64_t size = 0;
    friend bool operator==(const FileSegment&, const FileSegment&) = default;
};

// The segments without their overlaps, by physical address, adjacent ones joined. A page that is mapped at several
// virtual addresses is in as many segments.
std::vector<FileSegment> disjoint(std::vector<FileSegment> segments);

Result<machine::GuestMemory> memory_of(Fd file, const std::vector<FileSegment>& segments);

}  // namespace ringside::debug
