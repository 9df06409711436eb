// Where a breakpoint's instruction is in memory, what can be planted there, and if a debug slot is better.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "vmm/debug/breakpoints/breakpoint.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/host/host_abilities.h"

namespace ringside::debug {

// Examines the guest as it is now, through a vCPU's page tables.
class PlaceFinder {
  public:
    PlaceFinder(const GuestView& view, const x86::SystemRegisters& current, const HostAbilities& abilities)
        : view_(view), current_(current), abilities_(abilities) {}

    // Where a planted instruction could be fetched from; nullopt while no table maps such a page. (A kernel in the
    // upper half of the address space has its addresses mapped nowhere until it turns paging on.) A watchpoint's page
    // need not have code.
    std::optional<x86::Translation> page_of(const Breakpoint& breakpoint) const {
        return page_of(breakpoint, breakpoint.level);
    }
    // The same if it were a breakpoint of the given level.
    std::optional<x86::Translation> page_of(const Breakpoint& breakpoint, x86::GuestLevel level) const;
    // The page tables' answer, executable or not.
    tl::expected<x86::Translation, x86::WalkFailure> translate(const Breakpoint& breakpoint) const;

    // Stores in the breakpoint what can be planted, and where.
    void look_at_place(Breakpoint& breakpoint) const;
    // The same for one on a physical address.
    void look_at_physical(Breakpoint& breakpoint) const;
    // Returns true if a breakpoint that is stepped for could get a better mechanism now.
    bool can_settle(const Breakpoint& breakpoint) const;
    // Returns false for user code where execution slots do not work at CPL 3; an int3 there is seen (user_frame.h).
    bool reachable_by_slot(const Breakpoint& breakpoint) const;

  private:
    x86::SystemRegisters tables_of(const Breakpoint& breakpoint, x86::GuestLevel level) const;
    bool is_anybodys(const x86::SystemRegisters& tables, const Breakpoint& breakpoint) const;
    std::vector<std::byte> code_of(const Breakpoint& breakpoint) const;
    void look_for_reasons(const x86::SystemRegisters& tables, Breakpoint& breakpoint) const;

    const GuestView& view_;
    const x86::SystemRegisters& current_;
    const HostAbilities& abilities_;
};

}  // namespace ringside::debug
