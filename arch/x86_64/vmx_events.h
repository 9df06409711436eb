// Events in a VMCS as code writes and tests them: what is injected or has caused an exit, and what blocks events.
// vmcs_words.cpp has the names.
#pragma once

#include <cstdint>

namespace ringside::x86::vmx {

// Interruption information, of entries and of exits (SDM volume 3, 25.8.3 and 25.9.2): the vector, the type, an error
// code's bit, and the bit that makes the rest valid.
inline constexpr std::uint32_t kEventValid = 1U << 31;

enum class EventType : std::uint8_t {
    ExternalInterrupt = 0,
    Reserved = 1,
    Nmi = 2,
    HardwareException = 3,
    SoftwareInterrupt = 4,
    PrivilegedException = 5,  // INT1
    SoftwareException = 6,    // INT3, INTO
    Other = 7,
};

constexpr bool is_valid_event(std::uint64_t information) {
    return (information & kEventValid) != 0;
}
constexpr EventType event_type(std::uint64_t information) {
    return static_cast<EventType>(information >> 8 & 7);
}
constexpr std::uint8_t event_vector(std::uint64_t information) {
    return static_cast<std::uint8_t>(information);
}
// A valid event without an error code.
constexpr std::uint32_t event(EventType type, std::uint8_t vector) {
    return kEventValid | std::uint32_t{static_cast<std::uint8_t>(type)} << 8 | vector;
}

// Interruptibility state (SDM volume 3, table 25-3).
inline constexpr std::uint64_t kBlockedBySti = 1U << 0;
inline constexpr std::uint64_t kBlockedByMovSs = 1U << 1;
inline constexpr std::uint64_t kBlockedBySmi = 1U << 2;
inline constexpr std::uint64_t kBlockedByNmi = 1U << 3;

// Pending debug exceptions (SDM volume 3, table 25-4): BS, the trap of a single-step.
inline constexpr std::uint64_t kPendingSingleStep = 1U << 14;

}  // namespace ringside::x86::vmx
