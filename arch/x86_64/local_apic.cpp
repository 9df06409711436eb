#include "arch/x86_64/local_apic.h"

#include <cstring>

namespace ringside::x86 {

namespace {

constexpr std::uint64_t kBaseAddress = 0x000f'ffff'ffff'f000;  // of IA32_APIC_BASE

// Register offsets (SDM volume 3, table "Local APIC Register Address Map").
constexpr std::size_t kId = 0x20, kVersion = 0x30, kLogicalDestination = 0xd0, kDestinationFormat = 0xe0,
                      kSpurious = 0xf0, kInService = 0x100, kTriggerMode = 0x180, kRequest = 0x200,
                      kErrorStatus = 0x280, kCommandLow = 0x300, kCommandHigh = 0x310, kTimerInitial = 0x380,
                      kTimerDivide = 0x3e0;
// By LocalSource.
constexpr std::array<std::size_t, kLocalSources> kLocalVectors{0x2f0, 0x320, 0x330, 0x340,
                                                               0x350, 0x360, 0x370};

using Page = std::span<const std::byte, kLocalApicPage>;

std::uint32_t word(Page page, std::size_t offset) {
    std::uint32_t value = 0;
    std::memcpy(&value, page.data() + offset, sizeof value);
    return value;
}

// 256 bits in eight registers.
VectorSet vectors(Page page, std::size_t offset) {
    VectorSet set;
    for (unsigned vector = 0; vector < set.size(); ++vector)
        set[vector] = (word(page, offset + vector / 32 * 16) >> vector % 32 & 1) != 0;
    return set;
}

}  // namespace

bool is_local_apic(Gpa gpa, std::uint64_t apic_base) {
    const ApicMode mode = apic_mode(apic_base);
    return (mode == ApicMode::XApic || mode == ApicMode::X2Apic) &&
           (gpa.value & kBaseAddress) == (apic_base & kBaseAddress);
}

ApicMode apic_mode(std::uint64_t apic_base) {
    const bool enabled = (apic_base & apic_base_bit::kEnabled) != 0;
    const bool extended = (apic_base & apic_base_bit::kX2Apic) != 0;
    if (enabled)
        return extended ? ApicMode::X2Apic : ApicMode::XApic;
    return extended ? ApicMode::Invalid : ApicMode::Disabled;
}

std::string_view name(ApicMode mode) {
    constexpr std::array<std::string_view, 4> kNames{"disabled", "xAPIC", "x2APIC", "invalid"};
    return kNames[static_cast<unsigned>(mode)];
}

std::string_view name(LocalSource source) {
    constexpr std::array<std::string_view, kLocalSources> kNames{"CMCI",  "timer", "thermal", "performance",
                                                                 "LINT0", "LINT1", "error"};
    return kNames[static_cast<unsigned>(source)];
}

std::string_view name(ApicTimerMode mode) {
    constexpr std::array<std::string_view, 4> kNames{"one-shot", "periodic", "TSC deadline", "reserved"};
    return kNames[static_cast<unsigned>(mode)];
}

std::size_t local_vector_offset(LocalSource source) {
    return kLocalVectors[static_cast<std::size_t>(source)];
}

unsigned LocalApic::timer_divisor() const {
    const unsigned code = (timer_divide & 3) | (timer_divide >> 1 & 4);
    return code == 7 ? 1 : 2U << code;
}

std::uint8_t LocalApic::processor_priority() const {
    const unsigned serviced = highest(in_service).value_or(0);
    return priority_class(task_priority) >= priority_class(serviced)
               ? task_priority
               : static_cast<std::uint8_t>(serviced & 0xf0);
}

LocalApic decode_local_apic(Page page, std::uint64_t apic_base) {
    LocalApic apic;
    apic.mode = apic_mode(apic_base);
    apic.base = apic_base & kBaseAddress;
    apic.bootstrap = (apic_base & apic_base_bit::kBootstrap) != 0;
    // KVM keeps the ID in bits 31 to 24 in both modes unless it is asked for 32-bit IDs.
    apic.id = word(page, kId) >> 24;
    apic.version = word(page, kVersion);
    apic.task_priority = static_cast<std::uint8_t>(word(page, kApicTaskPriority));
    apic.logical_destination = word(page, kLogicalDestination);
    apic.destination_format = word(page, kDestinationFormat);
    apic.spurious = word(page, kSpurious);
    apic.error_status = word(page, kErrorStatus);
    apic.command = word(page, kCommandLow) | std::uint64_t{word(page, kCommandHigh)} << 32;
    apic.in_service = vectors(page, kInService);
    apic.level_triggered = vectors(page, kTriggerMode);
    apic.requested = vectors(page, kRequest);
    for (std::size_t i = 0; i < kLocalSources; ++i)
        apic.local_vectors[i].raw = word(page, kLocalVectors[i]);
    apic.timer_initial = word(page, kTimerInitial);
    apic.timer_current = word(page, kApicTimerCount);
    apic.timer_divide = word(page, kTimerDivide);
    return apic;
}

}  // namespace ringside::x86
