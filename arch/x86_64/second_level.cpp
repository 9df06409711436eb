#include "arch/x86_64/second_level.h"

#include <algorithm>
#include <utility>

namespace ringside::x86 {

namespace {

constexpr std::uint64_t kWholeSpace = std::uint64_t{1} << 52;
constexpr std::uint64_t kAddress = 0x000ffffffffff000;

// SDM volume 3, table 29-1 to 29-7: an entry is present if it allows anything, and bit 7 makes it a large page.
std::optional<SecondLevelPage> walk_ept(std::uint64_t ept_pointer, Gpa gpa, EntryReader memory) {
    constexpr std::uint64_t kRead = 1, kWrite = 2, kExecute = 4, kLarge = 0x80;
    SecondLevelPage page;
    std::uint64_t table = ept_pointer & kAddress;
    for (unsigned level = static_cast<unsigned>(ept_pointer >> 3 & 7) + 1; level >= 1; --level) {
        const unsigned shift = 12 + 9 * (level - 1);
        const auto entry = memory(Gpa{table + (gpa.value >> shift & 0x1ff) * 8}, 8);
        if (!entry || (*entry & (kRead | kWrite | kExecute)) == 0)
            return std::nullopt;
        page.permissions.writable = page.permissions.writable && (*entry & kWrite) != 0;
        page.permissions.executable = page.permissions.executable && (*entry & kExecute) != 0;
        const bool large = (level == 2 || level == 3) && (*entry & kLarge) != 0;
        if (level > 1 && !large) {
            table = *entry & kAddress;
            continue;
        }
        page.page_size = std::uint64_t{1} << shift;
        page.gpa = Gpa{(*entry & kAddress & ~(page.page_size - 1)) | (gpa.value & (page.page_size - 1))};
        return page;
    }
    return std::nullopt;
}

// The hypervisor's own paging mode, with the nested CR3. Every access counts as a user's.
std::optional<SecondLevelPage> walk_nested(const SystemRegisters& system, Gpa gpa, EntryReader memory,
                                           unsigned maxphyaddr) {
    const PagingRegisters& host = system.inner.other;
    const PagingState state{host.cr0, system.inner.root, host.cr4, host.efer, maxphyaddr};
    const auto page = translate(state, Gva{gpa.value}, memory);
    if (!page || !page->permissions.user)
        return std::nullopt;
    return SecondLevelPage{page->gpa, page->page_size, page->permissions};
}

}  // namespace

SystemRegisters at_level(SystemRegisters system, GuestLevel level) {
    if (level_of(system) == level)
        return system;
    if (!system.inner.known) {
        system.inner.running = true;
        system.inner.tables = InnerGuest::Tables::Unknown;
        return system;
    }
    PagingRegisters& other = system.inner.other;
    std::swap(system.cr0, other.cr0);
    std::swap(system.cr3, other.cr3);
    std::swap(system.cr4, other.cr4);
    std::swap(system.efer, other.efer);
    system.inner.running = level == GuestLevel::L2;
    return system;
}

std::optional<SecondLevelPage> second_level(const SystemRegisters& system, Gpa gpa, EntryReader l1_memory,
                                            unsigned maxphyaddr) {
    if (!system.inner.running)
        return SecondLevelPage{gpa, kWholeSpace, {}};
    switch (system.inner.tables) {
        case InnerGuest::Tables::None:
            return SecondLevelPage{gpa, kWholeSpace, {}};
        case InnerGuest::Tables::Ept:
            return walk_ept(system.inner.root, gpa, l1_memory);
        case InnerGuest::Tables::Nested:
            return walk_nested(system, gpa, l1_memory, maxphyaddr);
        case InnerGuest::Tables::Unknown:
            break;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> LevelMemory::operator()(Gpa gpa, unsigned size) const {
    const auto page = second_level(system, gpa, l1_memory, maxphyaddr);
    return page ? l1_memory(page->gpa, size) : std::nullopt;
}

tl::expected<Translation, WalkFailure> translate(const SystemRegisters& system, unsigned maxphyaddr, Gva gva,
                                                 EntryReader l1_memory) {
    const PagingState state = paging_state(system, maxphyaddr);
    if (!system.inner.running)
        return translate(state, gva, l1_memory);
    const auto failure = [&](WalkFailureReason reason, Gpa gpa) {
        WalkFailure f;
        f.reason = reason;
        f.gva = gva;
        f.mode = paging_mode(state);
        f.level = 1;
        f.entry_gpa = gpa;
        return tl::unexpected(f);
    };
    if (system.inner.tables == InnerGuest::Tables::Unknown)
        return failure(WalkFailureReason::NoInnerGuest, {});
    auto page = translate(state, gva, LevelMemory{system, l1_memory, maxphyaddr});
    if (!page)
        return page;
    const auto second = second_level(system, page->gpa, l1_memory, maxphyaddr);
    if (!second)
        return failure(WalkFailureReason::NotInSecondLevel, page->gpa);
    page->gpa = second->gpa;
    page->page_size = std::min(page->page_size, second->page_size);
    page->permissions.writable = page->permissions.writable && second->permissions.writable;
    page->permissions.executable = page->permissions.executable && second->permissions.executable;
    return page;
}

}  // namespace ringside::x86
