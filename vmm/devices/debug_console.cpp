#include "vmm/devices/debug_console.h"

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<DebugConsole>);

std::uint8_t DebugConsole::read_port(std::uint64_t /*offset*/) {
    return kSignature;
}

void DebugConsole::write_port(std::uint64_t /*offset*/, std::uint8_t value) {
    const std::byte character{value};
    output_.write({&character, 1});
}

}  // namespace ringside::devices
