#include "vmm/devices/debug_exit.h"

#include <algorithm>

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<DebugExit>);

void DebugExit::read(std::uint64_t /*offset*/, std::span<std::byte> data) {
    std::fill(data.begin(), data.end(), std::byte{0xff});
}

void DebugExit::write(std::uint64_t offset, std::span<const std::byte> data) {
    if (offset != 0 || data.empty())
        return;
    // Little-endian: only the first byte of the value reaches the low 8 bits of (v << 1) | 1.
    const auto low = std::to_integer<unsigned>(data[0]);
    machine_.request_exit(static_cast<std::uint8_t>((low << 1) | 1));
}

}  // namespace ringside::devices
