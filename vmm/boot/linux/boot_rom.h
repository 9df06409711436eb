// The option ROM through which a BIOS starts Linux (boot_rom.S).
#pragma once

#include <cstddef>
#include <span>

namespace ringside::boot::linux_boot {

// The size is a multiple of 512 bytes. The caller fills in the checksum at kBootRomChecksum.
std::span<const unsigned char> boot_rom();
inline constexpr std::size_t kBootRomChecksum = 6;

}  // namespace ringside::boot::linux_boot
