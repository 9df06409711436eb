// Memory in the format of `xp`: QEMU's format letters and lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "vmm/base/error.h"

namespace ringside::debug {

// "/16xb": how many, in which form, of which size.
struct DumpFormat {
    std::uint64_t count = 1;
    char letter = 'x';  // x, d, u, o or c
    unsigned size = 4;  // 1, 2, 4 or 8
};

// `text` is what follows the slash.
Result<DumpFormat> parse_dump_format(std::string_view text);

// Lines of "address: value value ...". `bytes` holds count * size bytes.
std::string format_dump(const DumpFormat& format, std::uint64_t address, std::span<const std::byte> bytes);

}  // namespace ringside::debug
