// A 16550A UART (National Semiconductor PC16550D data sheet; register names as there).
//
// The line is infinitely fast: a byte written to THR is sent at once, so THRE and TEMT are always set, and a
// FIFO below its trigger level reports its character timeout at once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>

#include "vmm/devices/byte_port_device.h"
#include "vmm/devices/character_receiver.h"
#include "vmm/devices/character_sink.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class Serial final : public BytePortDevice, public CharacterReceiver {
  public:
    static constexpr std::size_t kFifoSize = 16;

    struct State {
        std::uint8_t ier = 0;
        std::uint8_t fcr = 0;
        std::uint8_t lcr = 0;
        std::uint8_t mcr = 0;
        std::uint8_t msr_delta = 0;  // bits 0-3 of MSR: what changed since it was read
        std::uint8_t scr = 0;
        std::uint16_t divisor = 12;  // 9600 baud, as a PC's firmware leaves it
        std::uint16_t breaks = 0;    // a bit for each received BREAK that LSR has not shown yet
        bool transmitter_interrupt = false;
        bool overrun = false;
        std::array<std::uint8_t, kFifoSize> received{};  // oldest first
        std::uint16_t received_count = 0;
        friend bool operator==(const State&, const State&) = default;
    };

    // Both must outlive the device.
    Serial(machine::InterruptLine& interrupt, CharacterSink& output);

    std::string_view name() const override { return "serial"; }

    // Input from outside, from any thread. Takes as many bytes as the FIFO has room for and returns their
    // number: none in loopback mode, which disconnects the line.
    std::size_t receive(std::span<const std::byte> data) override;
    // A BREAK from outside, from any thread: the line is held low, which arrives as a character of 0 with its own
    // status. Returns false if there is no room for it, or in loopback mode.
    bool receive_break();
    // The callback runs on a vCPU thread, or on offer_space()'s.
    void on_space_available(std::function<void()> callback) override {
        space_available_ = std::move(callback);
    }
    // The received bytes are discarded: senders that wait for space may continue.
    void offer_space() {
        if (space_available_)
            space_available_();
    }

    State save() const;
    void restore(const State& state);

  private:
    std::uint8_t read_port(std::uint64_t offset) override;
    void write_port(std::uint64_t offset, std::uint8_t value) override;

    // All below are called with the lock held.
    std::uint8_t read_register(std::uint64_t offset);
    void write_register(std::uint64_t offset, std::uint8_t value);
    std::uint8_t read_receiver();
    std::uint8_t read_interrupt_identification();
    std::uint8_t read_line_status();
    std::uint8_t read_modem_status();
    std::uint8_t modem_inputs() const;
    void write_interrupt_enable(std::uint8_t value);
    void write_fifo_control(std::uint8_t value);
    void write_modem_control(std::uint8_t value);
    void push_received(std::uint8_t value);
    std::uint8_t pending_interrupt() const;
    void update_interrupt();

    bool divisor_latch_access() const;
    bool loopback() const;
    bool fifo_enabled() const;
    std::size_t capacity() const { return fifo_enabled() ? kFifoSize : 1; }
    bool can_receive() const { return !loopback() && state_.received_count == 0; }

    machine::InterruptLine& interrupt_;
    CharacterSink& output_;
    std::function<void()> space_available_;
    mutable std::mutex mutex_;
    State state_;
    bool line_level_ = false;
    bool input_refused_ = false;
};

}  // namespace ringside::devices
