// Bytes that a debugger has put into the guest's memory in place of the guest's own: int3s. Neither the
// debugger's client nor a device may take them for the guest's, or write over them.
#pragma once

#include <cstddef>
#include <span>

#include "vmm/types.h"

namespace ringside::machine {

class PlantedBytes {
  public:
    virtual ~PlantedBytes() = default;
    // Replaces, in `bytes` just read from `gpa` on, every planted byte by what it stands for.
    virtual void hide(Gpa gpa, std::span<std::byte> bytes) const = 0;
    // Both write `data` to the memory at `gpa`, `place`, which has as many bytes. For the client: where a
    // byte is planted, what was to be written becomes what it stands for.
    virtual void write_under(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data) = 0;
    // For a device, which may write to a page that is another's by now: planted bytes are written over, but
    // for those that belong to an address and not to a page.
    virtual void write_from_device(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data) = 0;
};

}  // namespace ringside::machine
