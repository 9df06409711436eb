// The two words of a PC's BIOS data area (IBM PC AT Technical Reference, "BIOS Data Area") that kernels
// without a BIOS look at all the same: Xen takes the place of its start-up code for other processors from
// them.
#pragma once

#include <span>

#include "vmm/boot/placement.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/types.h"

namespace ringside::boot {

std::span<const Reservation> bios_data_reservations();

// The EBDA's segment at 0x40e and the KiB of conventional memory at 0x413, as in the memory map.
Result<void> write_bios_data_area(const machine::GuestMemory& memory);

}  // namespace ringside::boot
