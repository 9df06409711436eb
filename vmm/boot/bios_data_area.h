// The two words of a PC's BIOS data area (IBM PC AT Technical Reference, "BIOS Data Area") that some kernels
// read even without a BIOS: Xen uses them to place its start-up code for other processors.
#pragma once

#include <span>

#include "vmm/base/error.h"
#include "vmm/boot/placement.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::boot {

std::span<const Reservation> bios_data_reservations();

// Writes the EBDA's segment at 0x40e and the KiB of conventional memory at 0x413, as in the memory map.
Result<void> write_bios_data_area(const machine::GuestMemory& memory);

}  // namespace ringside::boot
