// System control port A (0x92, IBM PS/2): bit 0 resets the CPU, bit 1 opens the A20 gate. As in i8042.h, the
// gate is remembered but always open.
#pragma once

#include <cstdint>

#include "vmm/devices/latch_port.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class SystemControlPort final : public LatchPort {
  public:
    explicit SystemControlPort(machine::MachineControl& machine)
        : LatchPort({.value = kA20Open}), machine_(machine) {}

    std::string_view name() const override { return "port 92"; }

  private:
    static constexpr std::uint8_t kA20Open = 0x02;

    void write_latch(std::uint8_t value) override;

    machine::MachineControl& machine_;
};

}  // namespace ringside::devices
