#include "vmm/devices/byte_port_device.h"

namespace ringside::devices {

void BytePortDevice::read(std::uint64_t offset, std::span<std::byte> data) {
    for (std::byte& value : data)
        value = std::byte{read_port(offset++)};
}

void BytePortDevice::write(std::uint64_t offset, std::span<const std::byte> data) {
    for (const std::byte value : data)
        write_port(offset++, std::to_integer<std::uint8_t>(value));
}

}  // namespace ringside::devices
