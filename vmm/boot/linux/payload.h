// The compressed kernel inside a bzImage, unpacked here: in the monitor it takes a fraction of a second, in a
// guest whose code is emulated it takes the longest part of the boot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "vmm/types.h"

namespace ringside::boot::linux_boot {

// What Linux's build can pack a kernel with, but for LZO, which has no header and no library here.
enum class Packing : std::uint8_t { Gzip, Bzip2, Lzma, Xz, Lz4, Zstd };

const char* packing_name(Packing);

// By the first bytes; nothing if they are none of these.
std::optional<Packing> packing_of(std::span<const std::byte> payload);

// The unpacked bytes. The payload's last four bytes give their number, and that many they must be; more than
// `most` is refused before anything is allocated.
Result<std::vector<std::byte>> unpack(std::span<const std::byte> payload, std::uint64_t most);

}  // namespace ringside::boot::linux_boot
