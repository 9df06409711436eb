// The header that marks a multiboot 2 kernel (Multiboot2 Specification 2.0, 3.1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "vmm/base/error.h"
#include "vmm/boot/multiboot_kernel.h"

namespace ringside::boot {

struct Multiboot2Header {
    static constexpr std::uint32_t kMagic = 0xe85250d6;
    static constexpr std::uint64_t kSearchLimit = 32768;  // the header lies below it, on an 8-byte boundary
    static constexpr std::uint32_t kI386 = 0;             // architecture: 32-bit protected mode

    std::uint64_t offset = 0;                     // in the file
    std::optional<MultibootAddresses> addresses;  // override the ELF program headers
    std::optional<std::uint32_t> entry;           // overrides the ELF entry
};

// Returns true if there is a header with a correct checksum.
bool has_multiboot2_header(std::span<const std::byte> file);

// Parses the first such header. Fails with a message on tags that extend past the header, and on a tag that
// is not optional and requests something that is not available.
Result<Multiboot2Header> parse_multiboot2_header(std::span<const std::byte> file);

}  // namespace ringside::boot
