// The header that marks a multiboot 1 kernel (Multiboot Specification 0.6.96, 3.1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "vmm/boot/multiboot_kernel.h"

namespace ringside::boot {

struct Multiboot1Header {
    static constexpr std::uint32_t kMagic = 0x1badb002;
    static constexpr std::uint64_t kSearchLimit =
        8192;  // the header lies entirely in the first 8 KiB, on a 4-byte boundary
    static constexpr std::uint32_t kRequiredMask = 0xffff;
    static constexpr std::uint32_t kPageAlign = 1U << 0;
    static constexpr std::uint32_t kMemoryInfo = 1U << 1;
    static constexpr std::uint32_t kVideoMode = 1U << 2;
    static constexpr std::uint32_t kAddressFields = 1U << 16;

    std::uint32_t flags = 0;
    MultibootAddresses addresses;  // only the offset, unless kAddressFields is set
    std::uint32_t entry = 0;       // with kAddressFields only

    bool has_addresses() const { return (flags & kAddressFields) != 0; }
};

// The first header with a correct checksum, if there is one.
std::optional<Multiboot1Header> find_multiboot1_header(std::span<const std::byte> file);

}  // namespace ringside::boot
