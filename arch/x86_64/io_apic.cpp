#include "arch/x86_64/io_apic.h"

namespace ringside::x86 {

bool is_addressed(const LocalApic& apic, std::uint8_t destination, bool logical) {
    constexpr std::uint8_t kBroadcast = 0xff;
    if (destination == kBroadcast)
        return true;
    if (!logical)
        return apic.id == destination;
    if (apic.mode == ApicMode::X2Apic) {
        // The logical ID follows from the APIC ID: cluster in bits 31 to 16, and one of 16 bits. Eight bits of
        // destination can only reach cluster 0.
        return apic.id < 16 && (std::uint32_t{1} << apic.id & destination) != 0;
    }
    const auto logical_id = static_cast<std::uint8_t>(apic.logical_destination >> 24);
    constexpr std::uint32_t kFlatModel = 0xf;
    if (apic.destination_format >> 28 == kFlatModel)
        return (logical_id & destination) != 0;
    return logical_id >> 4 == destination >> 4 && (logical_id & destination & 0xf) != 0;
}

}  // namespace ringside::x86
