// The header by which a kernel says that it is multiboot 2 (Multiboot2 Specification 2.0, 3.1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "vmm/boot/multiboot_kernel.h"
#include "vmm/types.h"

namespace ringside::boot {

struct Multiboot2Header {
    static constexpr std::uint32_t kMagic = 0xe85250d6;
    static constexpr std::uint64_t kSearchLimit = 32768;  // it lies wholly in there, on an 8-byte boundary
    static constexpr std::uint32_t kI386 = 0;             // architecture: 32-bit protected mode

    std::uint64_t offset = 0;                     // in the file
    std::optional<MultibootAddresses> addresses;  // where to load what, instead of the ELF headers
    std::optional<std::uint32_t> entry;           // instead of the ELF file's
};

// Whether there is a header with a right checksum.
bool has_multiboot2_header(std::span<const std::byte> file);

// The first of them. Fails, in words, on tags that reach beyond the header, and on one that is not optional
// and asks for what there is not.
Result<Multiboot2Header> parse_multiboot2_header(std::span<const std::byte> file);

}  // namespace ringside::boot
