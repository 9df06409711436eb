// Reads a kernel or initrd into memory.
#pragma once

#include <filesystem>
#include <vector>

#include "vmm/base/error.h"

namespace ringside::boot {

// Larger than any kernel with its debug information.
inline constexpr std::uint64_t kMaximumFileSize = std::uint64_t{2} << 30;

// Returns the bytes of a regular file. Fails on anything else (a directory, a FIFO, a device), without
// waiting, and on an empty file. Reads the file instead of mapping it: a mapped file that shrinks would raise
// SIGBUS.
Result<std::vector<std::byte>> read_file(const std::filesystem::path& path);

}  // namespace ringside::boot
