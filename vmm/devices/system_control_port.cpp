#include "vmm/devices/system_control_port.h"

namespace ringside::devices {

void SystemControlPort::write_latch(std::uint8_t value) {
    constexpr std::uint8_t kFastReset = 0x01;
    exchange(value & static_cast<std::uint8_t>(~kFastReset));
    if ((value & kFastReset) != 0)
        machine_.request_reset("port 0x92");
}

}  // namespace ringside::devices
