// The option ROM by which a BIOS starts Linux (boot_rom.S).
#pragma once

#include <cstddef>
#include <span>

namespace ringside::boot::linux_boot {

// A multiple of 512 bytes; its checksum is left to the caller, at kBootRomChecksum.
std::span<const unsigned char> boot_rom();
inline constexpr std::size_t kBootRomChecksum = 6;

}  // namespace ringside::boot::linux_boot
