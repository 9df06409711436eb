// How Linux is entered, whichever way its code came into memory: zero page, command line, initrd, registers
// (boot.rst, "32-bit Boot Protocol" and "64-bit Boot Protocol").
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vmm/boot/loaders.h"
#include "vmm/boot/placement.h"

namespace ringside::boot::linux_boot {

struct Handover {
    Protocol protocol = Protocol::LinuxBzImage;
    std::span<const std::byte> header;  // for the zero page; empty for a vmlinux
    Gpa entry;
    bool in_64_bit_mode = true;
    Gpa end;                              // of all that the kernel uses before it knows its memory map
    Gpa initrd_end;                       // the initrd lies below
    std::uint64_t command_line_size = 0;  // most characters
    bool moved = false;
};

// What keeps clear of the kernel's own places.
std::vector<Reservation> reservations();

// Fills in all but the kernel itself. The summary is left to the caller.
Result<BootState> hand_over(const LoadContext& context, const Handover& handover);

}  // namespace ringside::boot::linux_boot
