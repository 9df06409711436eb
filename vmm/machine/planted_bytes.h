// Bytes that a debugger has put into the guest's memory in place of the guest's own: int3s. Neither the
// debugger's client nor a device may take them for the guest's, or write over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "vmm/types.h"

namespace ringside::machine {

// Who writes decides what becomes of a planted byte. Client: what is written goes under it. Device: it is
// written over, as the page may be another's by now; but not below 1 MiB if it was planted with paging off,
// where it belongs to the address. Loader, as firmware loads code with paging off: the same for any address.
enum class WrittenBy : std::uint8_t { Client, Device, Loader };

class PlantedBytes {
  public:
    virtual ~PlantedBytes() = default;
    // Replaces, in `bytes` just read from `gpa` on, every planted byte by what it stands for.
    virtual void hide(Gpa gpa, std::span<std::byte> bytes) const = 0;
    // Writes `data` to the memory at `gpa`, `place`, which has as many bytes.
    virtual void write(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data,
                       WrittenBy by) = 0;
};

}  // namespace ringside::machine
