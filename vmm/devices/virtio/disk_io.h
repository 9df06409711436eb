// Reads and writes of a whole range of a file: pread() and pwrite() may do less than they were asked for, or be
// interrupted. Both return true on success.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ringside::devices::virtio {

bool read_range(int fd, std::uint64_t offset, std::span<std::byte> out);
bool write_range(int fd, std::uint64_t offset, std::span<const std::byte> data);

}  // namespace ringside::devices::virtio
