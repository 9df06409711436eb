// What the boot loader passes to a kernel. The loader puts both structures anywhere below 4 GiB.
#pragma once

#include <stdint.h>

namespace guest {

// The PVH boot protocol (Xen's public header start_info.h). EBX holds its address.
struct HvmStartInfo {
    uint32_t magic;  // kPvhMagic
    uint32_t version;
    uint32_t flags;
    uint32_t module_count;
    uint64_t modules;
    uint64_t command_line;  // guest-physical address of a C string, or 0
    uint64_t rsdp;
    uint64_t memory_map;  // version 1 and later
    uint32_t memory_map_entries;
    uint32_t reserved;
};
inline constexpr uint32_t kPvhMagic = 0x336ec578;

inline const char* command_line_of(const HvmStartInfo& info) {
    return reinterpret_cast<const char*>(static_cast<uintptr_t>(info.command_line));
}

// The multiboot 1 protocol. EBX holds its address, EAX kMultibootMagic.
struct MultibootInfo {
    uint32_t flags;
    uint32_t memory_lower_kib;  // flags bit 0
    uint32_t memory_upper_kib;
    uint32_t boot_device;
    uint32_t command_line;  // flags bit 2
};
inline constexpr uint32_t kMultibootMagic = 0x2badb002;
inline constexpr uint32_t kMultibootHasMemory = 1u << 0;
inline constexpr uint32_t kMultibootHasCommandLine = 1u << 2;

inline const char* command_line_of(const MultibootInfo& info) {
    const bool present = (info.flags & kMultibootHasCommandLine) != 0;
    return present ? reinterpret_cast<const char*>(static_cast<uintptr_t>(info.command_line)) : nullptr;
}

}  // namespace guest
