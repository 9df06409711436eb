// The fw_cfg device, which tells firmware and guests made for QEMU about the machine that they run on (QEMU's
// docs/specs/fw_cfg.rst). A guest selects an item and reads it byte by byte, or has it copied to memory
// ("DMA", done by the vCPU that requests it). Reads past the end of an item return zeros. Items are
// read-only.
#pragma once

#include <cstdint>
#include <mutex>

#include "vmm/machine/bus.h"
#include "vmm/machine/fw_cfg_items.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::devices {

class FwCfg final : public machine::BusDevice {
  public:
    struct State {
        std::uint16_t key = 0;
        std::uint32_t offset = 0;  // of the next byte of the item
        std::uint32_t dma_high = 0;
        friend bool operator==(const State&, const State&) = default;
    };

    // `memory` must outlive the device.
    FwCfg(machine::FwCfgItems items, const machine::GuestMemory& memory);

    std::string_view name() const override { return "fw_cfg"; }
    void read(std::uint64_t offset, std::span<std::byte> data) override;
    void write(std::uint64_t offset, std::span<const std::byte> data) override;
    State save() const;
    void restore(const State& state);

  private:
    // All below are called with the lock held.
    void select(std::uint16_t key);
    std::span<const std::byte> take(std::uint32_t size);  // the item's next bytes, at most `size`
    void transfer(Gpa descriptor);
    bool copy_item(Gpa to, std::uint32_t size);

    machine::FwCfgItems items_;
    const machine::GuestMemory& memory_;
    mutable std::mutex mutex_;
    State state_;
};

}  // namespace ringside::devices
