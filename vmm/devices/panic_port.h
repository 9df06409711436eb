// pvpanic (QEMU, docs/specs/pvpanic.rst): a port through which a kernel reports that it has panicked. Linux
// finds it as ACPI device QEMU0001 (module pvpanic-mmio). Windows and the BSDs support it as well.
#pragma once

#include "vmm/devices/byte_port_device.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class PanicPort final : public BytePortDevice {
  public:
    struct State {};  // it has none

    // Event bits. A read returns the supported events, a write reports one. "Crash kernel loaded" (bit 1) is
    // not among them, because the guest continues.
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
