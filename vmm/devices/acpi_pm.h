// ACPI's fixed hardware (ACPI 6.4, 4.8.3): PM1a event and control registers, and the power management timer. The one
// event that occurs is the power button. Guests power off through the sleep register.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>

#include "vmm/machine/bus.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class AcpiPm final : public machine::BusDevice {
  public:
    // Offsets in the block at kAcpiPmPorts.
    static constexpr std::uint64_t kEventBlock = 0;    // PM1a_STS and PM1a_EN, 2 bytes each
    static constexpr std::uint64_t kControlBlock = 4;  // PM1a_CNT, 2 bytes
    static constexpr std::uint64_t kTimer = 8;         // PM_TMR, 4 bytes
    // SLP_TYP for S5. 0, as on QEMU: kernels power off with outw(0x604, 0x2000) without asking the DSDT.
    static constexpr std::uint8_t kSleepTypeS5 = 0;
    static constexpr std::uint64_t kTimerHz = 3'579'545;

    struct State {
        std::uint16_t status = 0;   // PM1a_STS
        std::uint16_t enable = 0;   // PM1a_EN
        std::uint32_t control = 1;  // PM1a_CNT: SCI_EN is set, as there is no SMI mode to leave
        std::uint32_t timer = 0;    // PM_TMR when it was saved
        friend bool operator==(const State&, const State&) = default;
    };

    using Clock = std::function<std::chrono::nanoseconds()>;  // monotonic, since any epoch
    // Both must outlive the device. `sci` is the interrupt of all events, level-triggered.
    AcpiPm(machine::MachineControl& machine, machine::InterruptLine& sci, Clock clock = steady_clock());
    static Clock steady_clock();

    std::string_view name() const override { return "ACPI PM"; }
    void read(std::uint64_t offset, std::span<std::byte> data) override;
    void write(std::uint64_t offset, std::span<const std::byte> data) override;

    // Returns true if the guest has enabled the event, and so gets an interrupt. From any thread.
    bool press_power_button();

    State save() const;
    void restore(const State& state);

  private:
    std::uint64_t ticks() const;
    std::uint32_t timer() const { return static_cast<std::uint32_t>(ticks() - timer_origin_); }
    // Below: with the lock held.
    std::uint8_t read_byte(std::uint64_t offset) const;
    void update_interrupt();

    machine::MachineControl& machine_;
    machine::InterruptLine& sci_;
    Clock clock_;
    mutable std::mutex mutex_;
    std::uint16_t status_ = 0;
    std::uint16_t enable_ = 0;
    std::uint16_t control_ = 1;
    bool line_level_ = false;
    std::uint64_t timer_origin_ = 0;  // the tick count when PM_TMR was 0
};

}  // namespace ringside::devices
