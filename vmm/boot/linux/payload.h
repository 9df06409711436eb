// Unpacks the compressed kernel inside a bzImage. In the monitor this takes a fraction of a second. In a
// guest whose code is emulated it takes the longest part of the boot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "vmm/base/error.h"

namespace ringside::boot::linux_boot {

// The compressions that Linux's build offers, except LZO, which has no header.
enum class Packing : std::uint8_t { Gzip, Bzip2, Lzma, Xz, Lz4, Zstd };

const char* packing_name(Packing);

// Detects the compression by the first bytes. Returns nullopt for an unknown one.
std::optional<Packing> packing_of(std::span<const std::byte> payload);

// Returns the unpacked bytes. The last four bytes of the payload give their number, which must be right. A
// number above `most` is refused before anything is allocated.
Result<std::vector<std::byte>> unpack(std::span<const std::byte> payload, std::uint64_t most);

}  // namespace ringside::boot::linux_boot
