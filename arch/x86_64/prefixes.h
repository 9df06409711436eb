// Legacy prefixes (SDM volume 2, 2.1.1), which may precede a REX prefix in any order and number.
#pragma once

#include <cstdint>

namespace ringside::x86 {

inline bool is_legacy_prefix(std::uint8_t byte) {
    switch (byte) {
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65:
        case 0x66:
        case 0x67:
        case 0xf0:
        case 0xf2:
        case 0xf3:
            return true;
        default:
            return false;
    }
}

}  // namespace ringside::x86
