// Bytes that a debugger has planted in guest memory: breakpoint instructions that replace the guest's own
// bytes. Neither the debugger's client nor a device may see them or overwrite them by mistake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "vmm/base/ids.h"

namespace ringside::machine {

// Who writes, which decides what happens to a planted byte. Client: the written byte replaces the saved
// original; the planted byte stays. Device: the written byte replaces the planted one, because the page may
// have a new use by now. The exception is a byte below 1 MiB that was planted while paging was off: it
// belongs to the address and stays. Loader (firmware that loads code while paging is off): as for a device,
// with the exception for any address.
enum class WrittenBy : std::uint8_t { Client, Device, Loader };

class PlantedBytes {
  public:
    virtual ~PlantedBytes() = default;
    // Replaces every planted byte in `bytes`, which were just read from `gpa`, with the original.
    virtual void hide(Gpa gpa, std::span<std::byte> bytes) const = 0;
    // Writes `data` to `place`, the host memory of `gpa`, which has the same size.
    virtual void write(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data,
                       WrittenBy by) = 0;
};

}  // namespace ringside::machine
