// Memory of a guest's guest (L2): its page tables lead to L2's physical addresses, and a second level of tables,
// L1's, leads from those to L1's (EPT: SDM volume 3, 29.3; nested paging: APM volume 2, 15.25).
#pragma once

#include <optional>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/paging.h"

namespace ringside::x86 {

constexpr GuestLevel level_of(const SystemRegisters& system) {
    return system.inner.running ? GuestLevel::L2 : GuestLevel::L1;
}

// The registers with those for paging of `level`. If it is L2's and there is no L2, no address can be translated with
// the result.
SystemRegisters at_level(SystemRegisters system, GuestLevel level);

struct SecondLevelPage {
    Gpa gpa;  // L1's
    std::uint64_t page_size = 0;
    PagePermissions permissions;
};

// Where L1 has a physical address of the level of `system`. `l1_memory` reads L1's physical memory.
std::optional<SecondLevelPage> second_level(const SystemRegisters& system, Gpa gpa, EntryReader l1_memory,
                                            unsigned maxphyaddr);

// The physical memory of the level of `system`, for walks of its page tables.
struct LevelMemory {
    const SystemRegisters& system;
    EntryReader l1_memory;
    unsigned maxphyaddr;
    std::optional<std::uint64_t> operator()(Gpa gpa, unsigned size) const;
};

// A walk through both levels, or through one if there is only one. The steps are those of the first.
tl::expected<Translation, WalkFailure> translate(const SystemRegisters& system, unsigned maxphyaddr, Gva gva,
                                                 EntryReader l1_memory);

}  // namespace ringside::x86
