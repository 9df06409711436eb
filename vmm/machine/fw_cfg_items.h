// What the fw_cfg device has for firmware and guests to read: bytes by 16-bit key, some of them named files
// (QEMU's docs/specs/fw_cfg.rst). Values only; vmm/boot makes them, vmm/devices serves them.
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

// Keys with a meaning of their own. Integers in them are little-endian.
enum class FwCfgKey : std::uint16_t {
    Signature = 0x00,      // "QEMU"
    Features = 0x01,       // 32 bits: kFwCfgFeatures
    RamSize = 0x03,        // 64 bits, bytes
    CpuCount = 0x05,       // 16 bits: at power-on
    KernelAddress = 0x07,  // this and all below by which a loader finds a kernel: 32 bits, or its bytes
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
    // Replaces what the key has.
    void put(FwCfgKey key, std::vector<std::byte> bytes);
    // A file, under the next free key, listed in the directory. A name has 1 to 55 characters, else nothing
    // is put.
    void put_file(std::string_view name, std::vector<std::byte> bytes);

    // Nothing for a key that is not there, which a guest reads as an item without bytes.
    std::span<const std::byte> find(std::uint16_t key) const;
    // The file's bytes, and nothing for a name that is not there.
    std::span<const std::byte> find_file(std::string_view name) const;

  private:
    static constexpr std::uint16_t kFirstFile = 0x20;

    std::map<std::uint16_t, std::vector<std::byte>> items_;
    std::map<std::string, std::uint16_t, std::less<>> files_;
    std::uint16_t next_file_ = kFirstFile;
};

}  // namespace ringside::machine
