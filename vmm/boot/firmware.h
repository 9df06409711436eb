// Firmware images, and the description of the machine that firmware reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "vmm/boot/boot_image.h"

namespace ringside::boot {

// Returns true if a file looks like a firmware image: a multiple of 64 KiB up to 16 MiB whose last 16 bytes,
// where a processor starts, hold a jump.
bool is_firmware(std::span<const std::byte> file);

// Adds the items that every guest may read: the number of CPUs and the size of memory.
void describe_machine(std::uint32_t cpus, const machine::GuestMemory& memory, machine::FwCfgItems& items);

// Adds what SeaBIOS and other firmware for QEMU reads in addition: the memory map, the ACPI tables, and that
// the serial line is the screen. Puts the tables at the top of RAM below 4 GiB, unless the guest is too small
// for them.
void describe_to_firmware(const BootRequest& request, const machine::GuestMemory& memory,
                          machine::FwCfgItems& items);

}  // namespace ringside::boot
