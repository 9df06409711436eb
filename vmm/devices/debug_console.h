// The debug console of Bochs (port 0xe9) and QEMU (isa-debugcon, used at 0x402 by firmware): every byte
// written is a character. Reads return 0xe9, by which guests detect it. One object can serve both ports.
#pragma once

#include "vmm/devices/byte_port_device.h"
#include "vmm/devices/character_sink.h"

namespace ringside::devices {

class DebugConsole final : public BytePortDevice {
  public:
    static constexpr std::uint8_t kSignature = 0xe9;

    struct State {};  // it has none

    explicit DebugConsole(CharacterSink& output) : output_(output) {}

    std::string_view name() const override { return "debug console"; }
    State save() const { return {}; }
    void restore(const State&) {}

  private:
    std::uint8_t read_port(std::uint64_t offset) override;
    void write_port(std::uint64_t offset, std::uint8_t value) override;

    CharacterSink& output_;
};

}  // namespace ringside::devices
