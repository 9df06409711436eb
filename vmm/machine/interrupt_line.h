// How a device raises its interrupt and ends the machine. Devices need to know neither KVM nor the debugger.
#pragma once

#include <cstdint>

namespace ringside::machine {

// One interrupt input. Safe to call from any thread.
class InterruptLine {
  public:
    virtual ~InterruptLine() = default;
    virtual void set(bool level) = 0;
};

// What a guest can request of its machine through a device. Safe to call from any vCPU thread. Takes effect
// after the current exit.
class MachineControl {
  public:
    virtual ~MachineControl() = default;
    virtual void request_reset(const char* source) = 0;      // i8042 0xFE, 0xCF9, ACPI reset register
    virtual void request_power_off(const char* source) = 0;  // ACPI S5
    virtual void request_exit(std::uint8_t status) = 0;      // isa-debug-exit
    virtual void report_panic() = 0;                         // pvpanic; the guest may run on
};

}  // namespace ringside::machine
