// The items of the fw_cfg device that firmware and guests read: bytes by 16-bit key, some of them named files
// (QEMU's docs/specs/fw_cfg.rst). These are values only: vmm/boot creates them and vmm/devices serves them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::machine {

// Keys with a fixed meaning. Their integers are little-endian.
enum class FwCfgKey : std::uint16_t {
    Signature = 0x00,      // "QEMU"
    Features = 0x01,       // 32 bits: kFwCfgFeatures
    RamSize = 0x03,        // 64 bits, bytes
    CpuCount = 0x05,       // 16 bits: at power-on
    KernelAddress = 0x07,  // this and the kernel's other keys: 32 bits each, or the data itself
    KernelSize = 0x08,
    InitrdAddress = 0x0a,
    InitrdSize = 0x0b,
    MaximumCpuCount = 0x0f,  // 16 bits
    KernelData = 0x11,
    InitrdData = 0x12,
    CommandLineAddress = 0x13,
    CommandLineSize = 0x14,
    CommandLineData = 0x15,
    SetupAddress = 0x16,
    SetupSize = 0x17,
    SetupData = 0x18,
    FileDirectory = 0x19,
};

inline constexpr std::uint32_t kFwCfgTraditional = 1U << 0;
inline constexpr std::uint32_t kFwCfgDma = 1U << 1;
inline constexpr std::uint32_t kFwCfgFeatures = kFwCfgTraditional | kFwCfgDma;

class FwCfgItems {
  public:
    // Replaces the item with this key.
    void put(FwCfgKey key, std::vector<std::byte> bytes);
    // Adds a file under the next free key, lists it in the directory, and returns its key. Adds nothing and returns
    // 0 unless the name has 1 to 55 characters.
    std::uint16_t put_file(std::string_view name, std::vector<std::byte> bytes);

    // Empty for an unknown key, which a guest reads as an item without bytes.
    std::span<const std::byte> find(std::uint16_t key) const;
    // The file's bytes; empty for an unknown name.
    std::span<const std::byte> find_file(std::string_view name) const;

  private:
    static constexpr std::uint16_t kFirstFile = 0x20;

    std::map<std::uint16_t, std::vector<std::byte>> items_;
    std::map<std::string, std::uint16_t, std::less<>> files_;
    std::uint16_t next_file_ = kFirstFile;
};

}  // namespace ringside::machine
