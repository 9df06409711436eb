// The header that all ACPI tables share, and its checksum (ACPI 6.4, 5.2.6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "vmm/base/bytes.h"

namespace ringside::boot::acpi {

// From revision 2 on, AML's integers have 64 bits.
inline constexpr std::uint8_t kDsdtRevision = 2;

struct [[gnu::packed]] TableHeader {
    char signature[4] = {};
    std::uint32_t length = 0;  // header and body
    std::uint8_t revision = 0;
    std::uint8_t checksum = 0;
    char oem[6] = {'R', 'I', 'N', 'G', 'S', 'D'};
    char oem_table[8] = {'R', 'I', 'N', 'G', 'S', 'I', 'D', 'E'};
    std::uint32_t oem_revision = 1;
    char creator[4] = {'R', 'I', 'N', 'G'};
    std::uint32_t creator_revision = 1;
};
static_assert(sizeof(TableHeader) == 36);

// The byte that makes the sum of all bytes 0 when it replaces a byte that is 0 now.
inline std::uint8_t checksum(std::span<const std::byte> bytes) {
    const auto sum = std::accumulate(bytes.begin(), bytes.end(), 0U, [](unsigned s, std::byte b) {
        return s + std::to_integer<unsigned>(b);
    });
    return static_cast<std::uint8_t>(0U - sum);
}

inline std::vector<std::byte> make_table(std::string_view signature, std::uint8_t revision,
                                         std::span<const std::byte> body) {
    TableHeader header;
    std::memcpy(header.signature, signature.data(), sizeof header.signature);
    header.length = static_cast<std::uint32_t>(sizeof header + body.size());
    header.revision = revision;
    std::vector<std::byte> table;
    append(table, header);
    table.insert(table.end(), body.begin(), body.end());
    table[offsetof(TableHeader, checksum)] = std::byte{checksum(table)};
    return table;
}

}  // namespace ringside::boot::acpi
