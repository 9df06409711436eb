// The reset control register at port 0xcf9 (Intel ICH/PCH data sheets): bit 1 chooses a hard reset, and the
// reset happens as bit 2 goes from 0 to 1. ACPI's reset register names it.
#pragma once

#include <cstdint>

#include "vmm/devices/latch_port.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class ResetPort final : public LatchPort {
  public:
    static constexpr std::uint8_t kHardReset = 0x06;  // the value in ACPI's FADT

    explicit ResetPort(machine::MachineControl& machine) : LatchPort({}), machine_(machine) {}

    std::string_view name() const override { return "reset"; }

  private:
    void write_latch(std::uint8_t value) override;

    machine::MachineControl& machine_;
};

}  // namespace ringside::devices
