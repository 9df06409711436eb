// System control port A (0x92, IBM PS/2): bit 0 resets the CPU, bit 1 opens the A20 gate. As in i8042.h, the
// gate is remembered but always open.
#pragma once

#include <cstdint>
#include <mutex>

#include "vmm/devices/byte_port_device.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class SystemControlPort final : public BytePortDevice {
  public:
    struct State {
        std::uint8_t value = 0x02;
        friend bool operator==(const State&, const State&) = default;
    };

    explicit SystemControlPort(machine::MachineControl& machine) : machine_(machine) {}

    std::string_view name() const override { return "port 92"; }
    State save() const;
    void restore(const State& state);

  private:
    std::uint8_t read_port(std::uint64_t offset) override;
    void write_port(std::uint64_t offset, std::uint8_t value) override;

    machine::MachineControl& machine_;
    mutable std::mutex mutex_;
    State state_;
};

}  // namespace ringside::devices
