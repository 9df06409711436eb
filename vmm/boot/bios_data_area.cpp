#include "vmm/boot/bios_data_area.h"

#include <array>

#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

constexpr Gpa kBiosDataArea{0x400};
constexpr std::uint64_t kSize = 0x100;
constexpr Gpa kEbdaSegment{0x40e};
constexpr Gpa kConventionalKib{0x413};

constexpr std::array kBiosReservations{Reservation{"BIOS data area", kBiosDataArea, kSize}};
static_assert(kBiosDataArea + kSize <= layout::kBootGdt);

Result<void> write_word(const machine::GuestMemory& memory, Gpa place, std::uint64_t value) {
    const auto word = static_cast<std::uint16_t>(value);
    return memory.write(place, std::as_bytes(std::span(&word, 1)));
}

}  // namespace

std::span<const Reservation> bios_data_reservations() {
    return kBiosReservations;
}

Result<void> write_bios_data_area(const machine::GuestMemory& memory) {
    TRY(write_word(memory, kEbdaSegment, layout::kEbda.value >> 4));
    return write_word(memory, kConventionalKib, layout::kEbda.value / layout::kKiB);
}

}  // namespace ringside::boot
