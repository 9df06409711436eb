// An I/O APIC as a value (82093AA datasheet).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "arch/x86_64/interrupt_delivery.h"
#include "arch/x86_64/local_apic.h"

namespace ringside::x86 {

// An entry of the redirection table.
struct RedirectionEntry {
    std::uint64_t raw = 0;

    std::uint8_t vector() const { return static_cast<std::uint8_t>(raw); }
    DeliveryMode delivery() const { return delivery_mode(raw); }
    bool logical() const { return (raw >> 11 & 1) != 0; }
    bool pending() const { return (raw >> 12 & 1) != 0; }
    bool active_low() const { return (raw >> 13 & 1) != 0; }
    bool remote_irr() const { return (raw >> 14 & 1) != 0; }
    bool level() const { return (raw >> 15 & 1) != 0; }
    bool masked() const { return (raw >> 16 & 1) != 0; }
    std::uint8_t destination() const { return static_cast<std::uint8_t>(raw >> 56); }
};

inline constexpr std::size_t kIoApicPins = 24;

struct IoApic {
    std::uint64_t base = 0;
    std::uint32_t id = 0;
    std::uint32_t selected = 0;   // IOREGSEL
    std::uint32_t requested = 0;  // a bit for each pin whose request is not served yet
    std::array<RedirectionEntry, kIoApicPins> pins{};
};

// Returns true if a message with this destination reaches the local APIC (SDM volume 3, "Determining IPI
// Destination").
bool is_addressed(const LocalApic& apic, std::uint8_t destination, bool logical);

}  // namespace ringside::x86
