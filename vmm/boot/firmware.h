// Firmware images by their looks.
#pragma once

#include <cstddef>
#include <span>

namespace ringside::boot {

// Whether a file has a firmware image's size and begins its last 16 bytes with a jump.
bool is_firmware(std::span<const std::byte> file);

}  // namespace ringside::boot
