// The reset control register at port 0xcf9 (Intel ICH/PCH data sheets): bit 1 chooses a hard reset, and the
// reset happens as bit 2 goes from 0 to 1. ACPI's reset register names it.
#pragma once

#include <cstdint>
#include <mutex>

#include "vmm/devices/byte_port_device.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class ResetPort final : public BytePortDevice {
  public:
    static constexpr std::uint8_t kHardReset = 0x06;  // what ACPI tells the guest to write

    struct State {
        std::uint8_t value = 0;
        friend bool operator==(const State&, const State&) = default;
    };

    explicit ResetPort(machine::MachineControl& machine) : machine_(machine) {}

    std::string_view name() const override { return "reset"; }
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
