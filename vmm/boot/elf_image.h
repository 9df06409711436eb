// An ELF file's loadable part as values (System V ABI, "Program Loading"), read by libelf from untrusted
// bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vmm/types.h"

namespace ringside::boot {

// A PT_LOAD program header that occupies memory. File bytes come first, zeros fill the rest.
struct ElfSegment {
    std::size_t index = 0;  // in the program header table, as `readelf -l` counts
    std::uint64_t virtual_address = 0;
    Gpa physical;
    std::uint64_t file_offset = 0;
    std::uint64_t file_size = 0;
    std::uint64_t memory_size = 0;  // at least file_size; physical + memory_size does not wrap
};

struct ElfImage {
    bool is_64 = false;
    std::uint64_t entry = 0;  // e_entry: virtual by the ABI, though kernels put a physical one there
    std::optional<std::uint64_t> pvh_entry;  // physical, from Xen's note of type 18
    std::vector<ElfSegment> segments;        // in table order, never empty

    // The physical address of e_entry: through the segment whose virtual range holds it, or as it stands if a
    // physical range does; nothing if it lies in no segment.
    std::optional<Gpa> physical_entry() const;
    bool holds(Gpa address) const;
    // Past the last byte of any segment.
    Gpa end() const;
};

bool is_elf(std::span<const std::byte> file);

// Fails, in words, on a truncated or damaged file, one for another CPU, an object file, one with nothing to
// load, a segment that lies outside the file or wraps around, and on segments that overlap in physical
// memory. libelf wants writable bytes but does not change them.
Result<ElfImage> parse_elf(std::span<std::byte> file);

}  // namespace ringside::boot
