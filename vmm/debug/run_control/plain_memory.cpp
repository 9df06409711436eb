#include "vmm/debug/run_control/plain_memory.h"

#include <algorithm>
#include <array>

#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/local_apic.h"

namespace ringside::debug {

namespace {

// One access, as the guest's own would be.
template <typename T>
std::uint64_t load(const std::byte* place) {
    T value;
    asm volatile("mov %1, %0" : "=r"(value) : "m"(*reinterpret_cast<const T*>(place)) : "memory");
    return value;
}

template <typename T>
void store(std::byte* place, std::uint64_t value) {
    asm volatile("mov %1, %0" : "=m"(*reinterpret_cast<T*>(place)) : "r"(static_cast<T>(value)) : "memory");
}

}  // namespace

std::optional<Gpa> quiet_translation(const GuestView& view, const x86::GeneralRegisters& general,
                                     const x86::SystemRegisters& system, Gva address, x86::PageUse use) {
    const auto page = view.translate(system, address);
    const bool user_mode = x86::privilege_level(general, system) == 3;
    if (!page || !x86::leaves_entries_alone(*page, x86::paging_mode(x86::paging_state(system)), use))
        return std::nullopt;
    if (page->step_count != 0 && !x86::is_allowed(page->permissions, user_mode, system.cr4, use))
        return std::nullopt;
    return page->gpa;
}

// The guest's own watchpoints, too.
bool QuietMemory::is_watched() {
    if (!watched_ && !guest_asked_) {
        const auto own = vcpu_.debug();
        watched_ = !own || x86::Dr7::from_raw(own->dr7).any_enabled();
        guest_asked_ = true;
    }
    return watched_;
}

bool QuietMemory::holds_planted_byte(Gpa gpa, std::span<const std::byte> bytes) const {
    std::array<std::byte, sizeof(std::uint64_t)> without{};
    const auto count = view_.read_physical(gpa, std::span(without).first(bytes.size()));
    return !count || !std::equal(bytes.begin(), bytes.end(), without.begin());
}

std::optional<Gpa> QuietMemory::place(Gva address, unsigned size, x86::PageUse use) {
    if (address.value % size != 0 || is_watched())
        return std::nullopt;
    const auto gpa = quiet_translation(view_, general_, system_, address, use);
    if (!gpa)
        return std::nullopt;
    const auto bytes = use == x86::PageUse::Write ? view_.memory().writable_span(*gpa, size)
                                                  : view_.memory().span(*gpa, size);
    if (x86::is_local_apic(*gpa, system_.apic_base) || bytes.empty() || holds_planted_byte(*gpa, bytes))
        return std::nullopt;
    return gpa;
}

std::optional<std::uint64_t> QuietMemory::read(Gva address, unsigned size) {
    const auto gpa = place(address, size, x86::PageUse::Read);
    if (!gpa)
        return std::nullopt;
    const std::byte* at = view_.memory().span(*gpa, size).data();
    switch (size) {
        case 1:
            return load<std::uint8_t>(at);
        case 2:
            return load<std::uint16_t>(at);
        case 4:
            return load<std::uint32_t>(at);
        default:
            return load<std::uint64_t>(at);
    }
}

bool QuietMemory::write(Gva address, unsigned size, std::uint64_t value) {
    const auto gpa = place(address, size, x86::PageUse::Write);
    if (!gpa)
        return false;
    std::byte* at = view_.memory().writable_span(*gpa, size).data();
    switch (size) {
        case 1:
            store<std::uint8_t>(at, value);
            break;
        case 2:
            store<std::uint16_t>(at, value);
            break;
        case 4:
            store<std::uint32_t>(at, value);
            break;
        default:
            store<std::uint64_t>(at, value);
    }
    view_.memory().note_write(*gpa, size);
    return true;
}

}  // namespace ringside::debug
