// The segments of an ELF vmcore: where each piece of physical memory is in the file, and at which virtual address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "arch/x86_64/page_map.h"
#include "vmm/debug/dump/notes.h"

namespace ringside::debug {

// A piece of memory that is contiguous both physically and virtually.
struct CoreSegment {
    std::uint64_t virtual_address = 0;
    std::uint64_t physical_address = 0;
    std::uint64_t size = 0;
    friend bool operator==(const CoreSegment&, const CoreSegment&) = default;
};

struct PhysicalRange {
    std::uint64_t start = 0, size = 0;
};

// Collects the mappings of page tables. Pages must be added by address. Pages outside the given memory (devices) are
// ignored.
class SegmentList {
  public:
    SegmentList(std::vector<PhysicalRange> memory, std::size_t most)
        : memory_(std::move(memory)), most_(most) {}

    // Returns false if the maximum number of segments is reached, and the page is omitted.
    bool add(const x86::MappedPage& page);
    // Physical memory that no page maps becomes segments at its physical address, so that all of it can be found
    // by physical address.
    std::vector<CoreSegment> finish() &&;

  private:
    bool append(const CoreSegment& piece);

    std::vector<PhysicalRange> memory_;
    std::size_t most_;
    std::vector<CoreSegment> segments_;
};

// ELF header, program headers and notes: the file's beginning up to the first byte of memory, padded to a page.
// `offset_of` gives the file offset of a physical address after that beginning.
struct CoreHeader {
    Bytes bytes;
    std::uint64_t memory_offset = 0;  // where memory begins in the file
};
CoreHeader core_header(std::span<const CoreSegment> segments, std::span<const PhysicalRange> memory,
                       std::span<const std::byte> notes);

}  // namespace ringside::debug
