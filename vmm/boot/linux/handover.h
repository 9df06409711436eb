// Enters Linux once its code is in memory: zero page, command line, initrd and registers (boot.rst, "32-bit
// Boot Protocol" and "64-bit Boot Protocol").
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
    Gpa end;                              // of the memory that the kernel uses before it reads its memory map
    Gpa initrd_end;                       // the initrd lies below it
    std::uint64_t command_line_size = 0;  // maximum number of characters
    bool moved = false;
};

// The memory that the kernel must not overlap.
std::vector<Reservation> reservations();

// Fills in everything except the kernel itself. The caller adds the summary.
Result<BootState> hand_over(const LoadContext& context, const Handover& handover);

}  // namespace ringside::boot::linux_boot
