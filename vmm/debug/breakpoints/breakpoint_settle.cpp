// BreakpointTable's view of the guest's page tables: a breakpoint's level and place, and if it has one yet.

#include <algorithm>

#include "arch/x86_64/control_bits.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/breakpoints/place_finder.h"
#include "vmm/debug/breakpoints/trap_choice.h"

namespace ringside::debug {

using gdbstub::BreakpointKind;

void BreakpointTable::settle(const GuestView& view, const x86::SystemRegisters& system) {
    renew_overwritten(view, system);
    settle_unpaged(view, system);
    if (std::ranges::any_of(breakpoints_, &Breakpoint::waiting)) {
        look_at_places(view, system);
        make_plan();
    }
    note_mechanisms();
}

void BreakpointTable::settle_unpaged(const GuestView& view, const x86::SystemRegisters& system) {
    if (!plan_.exit_traps.paging || (system.cr0 & x86::cr0::kPg) == 0)
        return;
    const PlaceFinder finder(view, system, abilities_);
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->mechanism != Mechanism::Planted || !breakpoint->without_paging)
            continue;
        planted_.unplant(breakpoint->gpa);
        breakpoint->mechanism = Mechanism::Stepping;
        finder.look_at_place(*breakpoint);
    }
    make_plan();
    note_mechanisms();
}

bool BreakpointTable::can_settle(const GuestView& view, const x86::SystemRegisters& system) const {
    const PlaceFinder finder(view, system, abilities_);
    return !stepping_only_ && std::ranges::any_of(breakpoints_, [&](const auto& breakpoint) {
        return breakpoint->waiting && breakpoint->mechanism == Mechanism::Stepping &&
               finder.can_settle(*breakpoint);
    });
}

void BreakpointTable::renew_overwritten(const GuestView& view, const x86::SystemRegisters& system) {
    const PlaceFinder finder(view, system, abilities_);
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->mechanism != Mechanism::Planted || !planted_.overwritten(breakpoint->gpa))
            continue;
        const auto page = finder.translate(*breakpoint);
        if (breakpoint->physical || (page && page->gpa == breakpoint->gpa))
            planted_.renew(breakpoint->gpa);
    }
}

// A breakpoint in L2's code can be set before there is an L2, and a watchpoint on L1's data while L2 runs.
void BreakpointTable::settle_level(const GuestView& view, const x86::SystemRegisters& system,
                                   Breakpoint& breakpoint) {
    const PlaceFinder finder(view, system, abilities_);
    breakpoint.level_open = !view.chosen_level() && !finder.page_of(breakpoint);
    if (!breakpoint.level_open || !system.inner.known)
        return;
    const auto other = breakpoint.level == x86::GuestLevel::L1 ? x86::GuestLevel::L2 : x86::GuestLevel::L1;
    if (!finder.page_of(breakpoint, other))
        return;
    breakpoint.level = levels_[breakpoint.request.address] = other;
    breakpoint.level_open = false;
}

// The place of a planted breakpoint is known; that of others may have changed since they were examined. A hardware
// breakpoint may be on code that is not loaded yet, which would overwrite a planted instruction. Without slots it
// is planted anyway where only a kernel that already runs can have mapped its page.
void BreakpointTable::look_at_places(const GuestView& view, const x86::SystemRegisters& system) {
    const PlaceFinder finder(view, system, abilities_);
    for (const auto& breakpoint : breakpoints_) {
        const auto kind = breakpoint->request.kind;
        if (breakpoint->mechanism == Mechanism::Planted)
            continue;
        if (breakpoint->physical) {
            if (!breakpoint->is_watchpoint())
                finder.look_at_physical(*breakpoint);
            continue;
        }
        settle_level(view, system, *breakpoint);
        if (breakpoint->is_watchpoint())
            continue;
        const auto address = breakpoint->request.address;
        if (kind == BreakpointKind::Software || !finder.reachable_by_slot(*breakpoint) ||
            (!abilities_.execute_slots && address >= kHighAddress))
            finder.look_at_place(*breakpoint);
    }
}

}  // namespace ringside::debug
