// The loadable part of an ELF file as values (System V ABI, "Program Loading"), read by libelf from untrusted
// bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"

namespace ringside::boot {

// A PT_LOAD program header that occupies memory: the file's bytes, then zeros.
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
    std::uint64_t entry = 0;  // e_entry: virtual by the ABI, but some kernels put a physical address there
    std::optional<std::uint64_t> pvh_entry;  // physical, from Xen's note of type 18
    std::vector<ElfSegment> segments;        // in table order, never empty

    // The physical address of e_entry: translated by the segment whose virtual range contains it, or
    // unchanged if a physical range contains it. Returns nullopt if no segment does.
    std::optional<Gpa> physical_entry() const;
    bool holds(Gpa address) const;
    // The address after the last byte of any segment.
    Gpa end() const;
};

bool is_elf(std::span<const std::byte> file);

// Fails with a message on a truncated or damaged file, a file for another CPU, an object file, a file with
// nothing to load, a segment that lies outside the file or wraps around, and segments that overlap in
// physical memory. libelf requires writable bytes but does not change them.
Result<ElfImage> parse_elf(std::span<std::byte> file);

}  // namespace ringside::boot
