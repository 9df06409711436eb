// Stand-ins for what a device talks to, and port accesses in one line.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "vmm/devices/character_sink.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/interrupt_line.h"

namespace ringside::devices {

class FakeLine final : public machine::InterruptLine {
  public:
    void set(bool next) override {
        edges += next && !level ? 1 : 0;
        level = next;
    }
    bool level = false;
    int edges = 0;  // rising ones
};

class FakeMachine final : public machine::MachineControl {
  public:
    void request_reset(const char* source) override { resets.emplace_back(source); }
    void request_power_off(const char* source) override { power_offs.emplace_back(source); }
    void request_exit(std::uint8_t status) override { exits.push_back(status); }
    void report_panic() override { ++panics; }
    std::vector<std::string> resets;
    std::vector<std::string> power_offs;
    std::vector<std::uint8_t> exits;
    int panics = 0;
};

class StringSink final : public CharacterSink {
  public:
    void write(std::span<const std::byte> data) override {
        for (const std::byte value : data)
            text += static_cast<char>(value);
    }
    std::string text;
};

inline std::uint8_t in(machine::BusDevice& device, std::uint64_t offset) {
    std::array<std::byte, 1> data{};
    device.read(offset, data);
    return std::to_integer<std::uint8_t>(data[0]);
}

inline void out(machine::BusDevice& device, std::uint64_t offset, std::uint8_t value) {
    const std::byte data{value};
    device.write(offset, {&data, 1});
}

}  // namespace ringside::devices
