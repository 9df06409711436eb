// The fw_cfg device, which tells firmware and guests made for QEMU about the machine that they run on (QEMU's
// docs/specs/fw_cfg.rst). A guest selects an item and reads it byte by byte, or has it copied to memory
// ("DMA", done by the vCPU that requests it). Reads past the end of an item return zeros. Items are
// read-only, except "etc/vmcoreinfo" (docs/specs/vmcoreinfo.rst): there a guest's kernel says where it keeps
// the ELF note that a dump of it needs.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "vmm/machine/bus.h"
#include "vmm/machine/fw_cfg_items.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::devices {

class FwCfg final : public machine::BusDevice {
  public:
    // The content of "etc/vmcoreinfo", little-endian.
    struct VmcoreinfoEntry {
        std::uint16_t host_format = 1;   // an ELF note
        std::uint16_t guest_format = 0;  // 0: the guest has written nothing
        std::uint32_t size = 0;
        std::uint64_t address = 0;
        friend bool operator==(const VmcoreinfoEntry&, const VmcoreinfoEntry&) = default;
    };
    static_assert(sizeof(VmcoreinfoEntry) == 16);

    struct State {
        std::uint16_t key = 0;
        std::uint32_t offset = 0;  // of the next byte of the item
        std::uint32_t dma_high = 0;
        VmcoreinfoEntry vmcoreinfo;
        friend bool operator==(const State&, const State&) = default;
    };

    // `memory` must outlive the device.
    FwCfg(machine::FwCfgItems items, const machine::GuestMemory& memory);

    std::string_view name() const override { return "fw_cfg"; }
    void read(std::uint64_t offset, std::span<std::byte> data) override;
    void write(std::uint64_t offset, std::span<const std::byte> data) override;
    State save() const;
    void restore(const State& state);
    // Where the guest's kernel says that its note is; nullopt if it has said nothing. The address is not checked.
    // May be called from any thread.
    std::optional<VmcoreinfoEntry> vmcoreinfo() const;
    // The machine restarts, perhaps with another kernel.
    void replace(machine::FwCfgItems items);

  private:
    // All below are called with the lock held.
    void select(std::uint16_t key);
    std::span<const std::byte> take(std::uint32_t size);  // the item's next bytes, at most `size`
    void transfer(Gpa descriptor);
    bool copy_item(Gpa to, std::uint32_t size);
    bool write_item(Gpa from, std::uint32_t size);
    std::span<const std::byte> selected() const;

    machine::FwCfgItems items_;
    std::uint16_t vmcoreinfo_key_ = 0;
    const machine::GuestMemory& memory_;
    mutable std::mutex mutex_;
    State state_;
};

}  // namespace ringside::devices
