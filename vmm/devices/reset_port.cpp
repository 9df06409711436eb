#include "vmm/devices/reset_port.h"

namespace ringside::devices {

void ResetPort::write_latch(std::uint8_t value) {
    constexpr std::uint8_t kResetCpu = 0x04;
    const std::uint8_t former = exchange(value);
    if ((value & kResetCpu) != 0 && (former & kResetCpu) == 0)
        machine_.request_reset("port 0xcf9");
}

}  // namespace ringside::devices
