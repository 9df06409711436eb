// How an interrupt message is delivered: the common part of local vector tables, redirection entries and the ICR
// (SDM volume 3, "Local Vector Table", "Interrupt Command Register"; 82093AA datasheet, 3.2.4).
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ringside::x86 {

enum class DeliveryMode : std::uint8_t { Fixed, LowestPriority, Smi, Reserved, Nmi, Init, Startup, ExtInt };

// "fixed", "lowest priority", "SMI", "NMI", "INIT", "startup", "ExtINT"
std::string_view name(DeliveryMode mode);

constexpr DeliveryMode delivery_mode(std::uint64_t entry) {
    return static_cast<DeliveryMode>(entry >> 8 & 7);
}

constexpr std::uint32_t with_delivery_mode(std::uint32_t entry, DeliveryMode mode) {
    return (entry & ~std::uint32_t{0x700}) | std::uint32_t{static_cast<std::uint8_t>(mode)} << 8;
}

// A bit for each interrupt vector.
using VectorSet = std::bitset<256>;

// The highest vector in the set, which has the highest priority.
std::optional<std::uint8_t> highest(const VectorSet& vectors);

// The priority class of a vector, or of a priority register: bits 7 to 4.
constexpr unsigned priority_class(unsigned value) {
    return value >> 4 & 0xf;
}

}  // namespace ringside::x86
