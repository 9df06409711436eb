// A local APIC as a value, decoded from its register page (SDM volume 3, "Advanced Programmable Interrupt
// Controller").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "arch/x86_64/address.h"
#include "arch/x86_64/interrupt_delivery.h"

namespace ringside::x86 {

enum class ApicMode : std::uint8_t { Disabled, XApic, X2Apic, Invalid };

// Bits of IA32_APIC_BASE (SDM volume 3, 10.4.4 and 10.12.1).
namespace apic_base_bit {
inline constexpr std::uint64_t kBootstrap = 1u << 8;
inline constexpr std::uint64_t kX2Apic = 1u << 10;
inline constexpr std::uint64_t kEnabled = 1u << 11;
}  // namespace apic_base_bit

ApicMode apic_mode(std::uint64_t apic_base);
// Returns true if the address is in the page that IA32_APIC_BASE gives to the registers of an enabled local APIC.
bool is_local_apic(Gpa gpa, std::uint64_t apic_base);
// "disabled", "xAPIC", "x2APIC", "invalid"
std::string_view name(ApicMode mode);

enum class LocalSource : std::uint8_t { Cmci, Timer, Thermal, Performance, Lint0, Lint1, Error };
inline constexpr std::size_t kLocalSources = 7;
// "CMCI", "timer", "thermal", "performance", "LINT0", "LINT1", "error"
std::string_view name(LocalSource source);

enum class ApicTimerMode : std::uint8_t { OneShot, Periodic, TscDeadline, Reserved };
// "one-shot", "periodic", "TSC deadline", "reserved"
std::string_view name(ApicTimerMode mode);

// An entry of the local vector table. Fields that the source does not have are 0 in it.
struct LocalVector {
    std::uint32_t raw = 0;

    std::uint8_t vector() const { return static_cast<std::uint8_t>(raw); }
    DeliveryMode delivery() const { return delivery_mode(raw); }
    bool pending() const { return (raw >> 12 & 1) != 0; }
    bool active_low() const { return (raw >> 13 & 1) != 0; }
    bool level() const { return (raw >> 15 & 1) != 0; }
    bool masked() const { return (raw >> 16 & 1) != 0; }
    ApicTimerMode timer_mode() const { return static_cast<ApicTimerMode>(raw >> 17 & 3); }
};

struct LocalApic {
    ApicMode mode = ApicMode::Disabled;
    std::uint64_t base = 0;  // of the register page
    bool bootstrap = false;  // IA32_APIC_BASE.BSP
    std::uint32_t id = 0, version = 0;
    std::uint8_t task_priority = 0;
    std::uint32_t logical_destination = 0, destination_format = 0;
    std::uint32_t spurious = 0;  // the whole register
    std::uint32_t error_status = 0;
    std::uint64_t command = 0;  // ICR
    VectorSet in_service, level_triggered, requested;
    std::array<LocalVector, kLocalSources> local_vectors{};  // by LocalSource
    std::uint32_t timer_initial = 0, timer_current = 0, timer_divide = 0;

    bool software_enabled() const { return (spurious >> 8 & 1) != 0; }
    const LocalVector& local_vector(LocalSource source) const {
        return local_vectors[static_cast<std::size_t>(source)];
    }
    // Older ones have no CMCI entry (version register, "Max LVT Entry").
    bool has(LocalSource source) const { return source != LocalSource::Cmci || (version >> 16 & 0xff) >= 6; }
    unsigned timer_divisor() const;
    // PPR as the processor computes it from TPR and ISR: vectors of this priority class and below wait.
    std::uint8_t processor_priority() const;
};

inline constexpr std::size_t kLocalApicPage = 1024;
// Offsets of registers in the page (SDM volume 3, table 10-1).
inline constexpr std::size_t kApicTaskPriority = 0x80;
inline constexpr std::size_t kApicTimerCount = 0x390;  // the current one
std::size_t local_vector_offset(LocalSource source);

// The page's first KiB holds every register, each 16 bytes apart.
LocalApic decode_local_apic(std::span<const std::byte, kLocalApicPage> page, std::uint64_t apic_base);

}  // namespace ringside::x86
