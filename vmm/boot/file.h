// Reads a kernel or initrd into memory.
#pragma once

#include <filesystem>
#include <vector>

#include "vmm/types.h"

namespace ringside::boot {

// More than any kernel with its debug information.
inline constexpr std::uint64_t kMaximumFileSize = std::uint64_t{2} << 30;

// The bytes of a regular file. Anything else (a directory, a FIFO, a device) is refused rather than waited
// for, and so is an empty file. The file is read, not mapped: one that shrinks meanwhile must not raise
// SIGBUS.
Result<std::vector<std::byte>> read_file(const std::filesystem::path& path);

}  // namespace ringside::boot
