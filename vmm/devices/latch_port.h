// One port that remembers the last value written, like the registers that reset a PC.
#pragma once

#include <cstdint>
#include <mutex>

#include "vmm/devices/byte_port_device.h"

namespace ringside::devices {

class LatchPort : public BytePortDevice {
  public:
    struct State {
        std::uint8_t value = 0;
        friend bool operator==(const State&, const State&) = default;
    };

    State save() const;
    void restore(const State& state);

  protected:
    explicit LatchPort(State initial) : state_(initial) {}
    // Returns the previous value.
    std::uint8_t exchange(std::uint8_t value);

  private:
    std::uint8_t read_port(std::uint64_t offset) final;
    void write_port(std::uint64_t offset, std::uint8_t value) final;
    virtual void write_latch(std::uint8_t value) = 0;

    mutable std::mutex mutex_;
    State state_;
};

}  // namespace ringside::devices
