// Port I/O and MMIO buses: address ranges to devices.
//
// A bus is built before the machine runs and never changes afterwards. Any vCPU thread may call a device at
// any time, and several may do so at once: a device locks its own state. Nothing on this path allocates or
// logs, except the first access to an unknown address.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/error.h"

namespace ringside::machine {

// A device as the buses see it. `offset` is relative to the start of the range. Data is little-endian, 1, 2,
// 4 or 8 bytes, and lies entirely inside the range. For an offset that it does not implement a device fills a
// read with 0xff and ignores a write.
class BusDevice {
  public:
    virtual ~BusDevice() = default;
    virtual std::string_view name() const = 0;
    virtual void read(std::uint64_t offset, std::span<std::byte> data) = 0;
    virtual void write(std::uint64_t offset, std::span<const std::byte> data) = 0;
};

class Bus {
  public:
    struct Range {
        std::uint64_t start = 0;
        std::uint64_t size = 0;
        BusDevice* device = nullptr;  // not owned
    };

    // Fails on an empty range, on a wrap-around and on an overlap with another device, which the error names.
    Result<void> attach(std::uint64_t start, std::uint64_t size, BusDevice& device);

    // Both return true if a device answered. An unanswered read yields all ones.
    bool read(std::uint64_t address, std::span<std::byte> data) const;
    bool write(std::uint64_t address, std::span<const std::byte> data) const;

    // The range that contains an address, or nullptr. The exit tables take device names from it.
    const Range* find(std::uint64_t address) const;
    std::span<const Range> ranges() const { return ranges_; }

  private:
    std::vector<Range> ranges_;  // sorted by start
};

}  // namespace ringside::machine
