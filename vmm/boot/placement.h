// Places things in guest RAM. Errors say why something does not fit.
#pragma once

#include <span>
#include <string>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/boot/elf_image.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::boot {

// A range that a protocol needs for itself.
struct Reservation {
    const char* what;
    Gpa start;
    std::uint64_t size;
};

// RAM for [start, start + size), or an error that names `what`, its range, the size of RAM, and the value of
// -m that would suffice.
Result<std::span<std::byte>> claim(const machine::GuestMemory& memory, const std::string& what, Gpa start,
                                   std::uint64_t size);

// Copies every segment to its physical address and zeroes what the file does not fill. Writes nothing unless
// all of them fit and none overlaps `reserved`.
Result<void> place_segments(const ElfImage& image, std::span<const std::byte> file,
                            std::span<const Reservation> reserved, const machine::GuestMemory& memory);

// The address of an initrd: the highest page in RAM below 3 GiB that keeps it between `above` and `below` and
// outside the last `kept` bytes of that RAM.
Result<Gpa> find_initrd_place(std::uint64_t size, Gpa above, Gpa below, const machine::GuestMemory& memory,
                              std::uint64_t kept = 0);

// Copies the initrd to the highest page in RAM that keeps it between `above` and `below` and does not overlap
// the kernel.
Result<Gpa> place_initrd(std::span<const std::byte> initrd, Gpa above, Gpa below,
                         const machine::GuestMemory& memory);

}  // namespace ringside::boot
