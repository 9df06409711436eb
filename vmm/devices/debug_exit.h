// QEMU's isa-debug-exit at 0xf4: a write of v ends the machine with exit status (v << 1) | 1. Kernel test
// suites report their result this way.
#pragma once

#include "vmm/machine/bus.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class DebugExit final : public machine::BusDevice {
  public:
    struct State {};  // it has none

    explicit DebugExit(machine::MachineControl& machine) : machine_(machine) {}

    std::string_view name() const override { return "debug exit"; }
    void read(std::uint64_t offset, std::span<std::byte> data) override;
    // One write of 1, 2 or 4 bytes is one value; a process's exit status keeps its low 8 bits.
    void write(std::uint64_t offset, std::span<const std::byte> data) override;

    State save() const { return {}; }
    void restore(const State&) {}

  private:
    machine::MachineControl& machine_;
};

}  // namespace ringside::devices
