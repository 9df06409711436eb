// Prefixes of instructions.
#pragma once

#include <cstdint>

#include "arch/x86_64/cpu_mode.h"

namespace ringside::x86 {

// SDM volume 2, 2.1.1. They may precede a REX prefix in any order and number.
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

// REX prefixes (SDM volume 2, 2.2.1) included, which exist in 64-bit mode only.
inline bool is_prefix(std::uint8_t byte, CpuMode mode) {
    return is_legacy_prefix(byte) || (mode == CpuMode::Long64 && byte >= 0x40 && byte <= 0x4f);
}

}  // namespace ringside::x86
