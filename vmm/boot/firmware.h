// Firmware images, and what firmware is told about the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "vmm/boot/boot_image.h"

namespace ringside::boot {

// Whether a file looks like a firmware image: a multiple of 64 KiB up to 16 MiB whose last 16 bytes, where a
// processor begins, are a jump.
bool is_firmware(std::span<const std::byte> file);

// What every guest may ask fw_cfg: how many CPUs there are, and how much memory.
void describe_machine(std::uint32_t cpus, const machine::GuestMemory& memory, machine::FwCfgItems& items);

// What SeaBIOS, and whatever else knows QEMU, is told besides: the memory map, the ACPI tables, and that its
// screen is the serial line. The tables are put at the top of RAM below 4 GiB, unless the guest is too small
// for any.
void describe_to_firmware(const BootRequest& request, const machine::GuestMemory& memory,
                          machine::FwCfgItems& items);

}  // namespace ringside::boot
