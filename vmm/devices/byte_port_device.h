// The base of ISA devices with 8-bit ports: a wider access becomes one access per byte.
#pragma once

#include "vmm/machine/bus.h"

namespace ringside::devices {

class BytePortDevice : public machine::BusDevice {
  public:
    void read(std::uint64_t offset, std::span<std::byte> data) final;
    void write(std::uint64_t offset, std::span<const std::byte> data) final;

  protected:
    virtual std::uint8_t read_port(std::uint64_t offset) = 0;
    virtual void write_port(std::uint64_t offset, std::uint8_t value) = 0;

    // The value of an offset without a register.
    static constexpr std::uint8_t kFloating = 0xff;
};

}  // namespace ringside::devices
