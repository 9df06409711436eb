// pvpanic (QEMU, docs/specs/pvpanic.rst): a port by which a kernel that has panicked says so. Linux finds it
// by its ACPI device QEMU0001 (module pvpanic-mmio), Windows and the BSDs know it as well.
#pragma once

#include "vmm/devices/byte_port_device.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class PanicPort final : public BytePortDevice {
  public:
    struct State {};  // it has none

    // Events, as bits: read, those that are understood; written, what has happened. A crash kernel that takes
    // over (bit 1) is none of them: the guest goes on.
    static constexpr std::uint8_t kPanicked = 1U << 0;

    explicit PanicPort(machine::MachineControl& machine) : machine_(machine) {}

    std::string_view name() const override { return "pvpanic"; }
    State save() const { return {}; }
    void restore(const State&) {}

  private:
    std::uint8_t read_port(std::uint64_t offset) override;
    void write_port(std::uint64_t offset, std::uint8_t value) override;

    machine::MachineControl& machine_;
};

}  // namespace ringside::devices
