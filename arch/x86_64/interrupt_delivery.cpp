#include "arch/x86_64/interrupt_delivery.h"

#include <array>

namespace ringside::x86 {

std::string_view name(DeliveryMode mode) {
    constexpr std::array<std::string_view, 8> kNames{"fixed", "lowest priority", "SMI",   "reserved", "NMI",
                                                     "INIT",  "startup",         "ExtINT"};
    return kNames[static_cast<unsigned>(mode)];
}

std::optional<std::uint8_t> highest(const VectorSet& vectors) {
    for (unsigned vector = 256; vector-- > 0;) {
        if (vectors[vector])
            return static_cast<std::uint8_t>(vector);
    }
    return std::nullopt;
}

}  // namespace ringside::x86
