// The keyboard controller (Intel 8042, IBM PS/2 Technical Reference): ports 0x60 (data) and 0x64 (command and
// status), offsets 0 and 4 of its range. Guests use it to reset the machine and to open the A20 gate. A probe
// finds a keyboard on which no key is ever pressed, and no mouse.
//
// A20 is remembered and read back, but memory does not wrap: KVM has no such gate and it is always open.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "vmm/devices/byte_port_device.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class I8042 final : public BytePortDevice {
  public:
    struct State {
        std::uint8_t config = 0x61;         // keyboard interrupt on, mouse off, scan codes translated
        std::uint8_t pending_command = 0;   // a controller command that waits for its byte on port 0x60, or 0
        std::uint8_t keyboard_command = 0;  // likewise for the keyboard
        bool last_write_was_command = false;
        bool a20 = true;
        bool from_keyboard = false;            // the buffered bytes come from the keyboard
        std::array<std::uint8_t, 4> output{};  // oldest first; the longest reply has three bytes
        std::uint8_t output_count = 0;
        friend bool operator==(const State&, const State&) = default;
    };

    // Both must outlive the device. `interrupt` is IRQ 1.
    I8042(machine::MachineControl& machine, machine::InterruptLine& interrupt);

    std::string_view name() const override { return "i8042"; }
    State save() const;
    void restore(const State& state);

  private:
    std::uint8_t read_port(std::uint64_t offset) override;
    void write_port(std::uint64_t offset, std::uint8_t value) override;

    // All below are called with the lock held. They return true if the guest requests a reset.
    std::uint8_t status() const;
    std::uint8_t read_data();
    bool write_command(std::uint8_t command);
    bool write_data(std::uint8_t value);
    bool write_output_port(std::uint8_t value);
    void write_keyboard(std::uint8_t value);
    void answer(bool from_keyboard, std::initializer_list<std::uint8_t> bytes);
    void update_interrupt();

    machine::MachineControl& machine_;
    machine::InterruptLine& interrupt_;
    mutable std::mutex mutex_;
    State state_;
    bool line_level_ = false;
};

}  // namespace ringside::devices
