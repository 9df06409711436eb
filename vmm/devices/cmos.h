// The MC146818 real-time clock and the CMOS memory behind it: port 0x70 selects a byte, port 0x71 reads or
// writes it. The time is the host's, in UTC, plus the offset that the guest has set. There is no alarm and no
// periodic interrupt (register C reads 0). Memory sizes are where firmware on a PC and on QEMU puts them.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>

#include "vmm/devices/byte_port_device.h"

namespace ringside::devices {

class Cmos final : public BytePortDevice {
  public:
    static constexpr std::size_t kSize = 128;

    // RAM in bytes below and above 4 GiB, and the number of CPUs, for firmware to read.
    struct Machine {
        std::uint64_t ram_below_4g = 0;
        std::uint64_t ram_above_4g = 0;
        std::uint32_t cpus = 1;
    };

    struct State {
        std::uint8_t index = 0;
        std::array<std::uint8_t, kSize> bytes{};
        std::int64_t offset_seconds = 0;  // the guest's clock minus the host's
        friend bool operator==(const State&, const State&) = default;
    };

    using Clock = std::function<std::chrono::system_clock::time_point()>;
    explicit Cmos(const Machine& machine, Clock clock = std::chrono::system_clock::now);

    std::string_view name() const override { return "cmos"; }
    State save() const;
    void restore(const State& state);

  private:
    std::uint8_t read_port(std::uint64_t offset) override;
    void write_port(std::uint64_t offset, std::uint8_t value) override;

    // All below are called with the lock held.
    std::uint8_t read_register();
    void write_register(std::uint8_t value);
    std::chrono::sys_seconds now() const;
    bool update_in_progress() const;
    void show(std::chrono::sys_seconds time);  // into the clock registers
    void adopt_time();                         // from the clock registers
    std::uint8_t encode(unsigned value) const;
    unsigned decode(std::uint8_t value) const;
    std::uint8_t encode_hour(unsigned hour) const;
    unsigned decode_hour(std::uint8_t value) const;
    bool has_mode(std::uint8_t bit) const;

    Clock clock_;
    mutable std::mutex mutex_;
    State state_;
};

}  // namespace ringside::devices
