#include "vmm/devices/panic_port.h"

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<PanicPort>);

std::uint8_t PanicPort::read_port(std::uint64_t /*offset*/) {
    return kPanicked;
}

void PanicPort::write_port(std::uint64_t /*offset*/, std::uint8_t value) {
    if ((value & kPanicked) != 0)
        machine_.report_panic();
}

}  // namespace ringside::devices
