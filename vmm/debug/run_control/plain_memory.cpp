#include "vmm/debug/run_control/plain_memory.h"

#include <algorithm>
#include <array>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/cpu_mode.h"

namespace ringside::debug {

namespace {

constexpr std::uint64_t kPageMask = 0xfff;

bool allowed(const x86::PagePermissions& page, bool user_mode, std::uint64_t cr4, PageUse use) {
    constexpr std::uint64_t kUserKeys = 1U << 22, kSupervisorKeys = 1U << 24;
    if (user_mode && !page.user)
        return false;
    if (use == PageUse::Fetch)
        return page.executable && (user_mode || !page.user || (cr4 & x86::cr4::kSmep) == 0);
    if ((cr4 & (page.user ? kUserKeys : kSupervisorKeys)) != 0)
        return false;  // protection keys may forbid it
    if (!user_mode && page.user && (cr4 & x86::cr4::kSmap) != 0)
        return false;
    return use == PageUse::Read || page.writable;
}

bool sets_no_bit(const x86::Translation& page, x86::PagingMode mode, PageUse use) {
    constexpr std::uint64_t kAccessed = 1U << 5, kDirty = 1U << 6;
    constexpr unsigned kPdpt = 3;
    const auto steps = std::span(page.steps).first(page.step_count);
    const bool accessed = std::ranges::all_of(steps, [mode](const x86::WalkStep& step) {
        const bool has_no_bit = mode == x86::PagingMode::Pae && step.level == kPdpt;
        return has_no_bit || (step.entry & kAccessed) != 0;
    });
    return accessed && (use != PageUse::Write || steps.empty() || (steps.back().entry & kDirty) != 0);
}

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
                                     const x86::SystemRegisters& system, Gva address, PageUse use) {
    const auto page = view.translate(system, address);
    const bool user_mode = x86::privilege_level(general, system) == 3;
    if (!page || !sets_no_bit(*page, x86::paging_mode(x86::paging_state(system)), use))
        return std::nullopt;
    if (page->step_count != 0 && !allowed(page->permissions, user_mode, system.cr4, use))
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

std::optional<Gpa> QuietMemory::place(Gva address, unsigned size, PageUse use) {
    constexpr std::uint64_t kApicEnabled = 1U << 11;
    if (address.value % size != 0 || is_watched())
        return std::nullopt;
    const auto gpa = quiet_translation(view_, general_, system_, address, use);
    if (!gpa)
        return std::nullopt;
    const bool is_apic = (system_.apic_base & kApicEnabled) != 0 &&
                         (gpa->value & ~kPageMask) == (system_.apic_base & ~kPageMask);
    const auto bytes =
        use == PageUse::Write ? view_.memory().writable_span(*gpa, size) : view_.memory().span(*gpa, size);
    if (is_apic || bytes.empty() || holds_planted_byte(*gpa, bytes))
        return std::nullopt;
    return gpa;
}

std::optional<std::uint64_t> QuietMemory::read(Gva address, unsigned size) {
    const auto gpa = place(address, size, PageUse::Read);
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
    const auto gpa = place(address, size, PageUse::Write);
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
