// BreakpointTable's plan: which breakpoint gets which mechanism.

#include <algorithm>

#include "vmm/debug/breakpoints/breakpoint_table.h"

namespace ringside::debug {

namespace {

using gdbstub::BreakpointKind;

x86::DebugCondition condition_of(BreakpointKind kind) {
    switch (kind) {
        case BreakpointKind::Software:
        case BreakpointKind::Hardware:
            return x86::DebugCondition::Execute;
        case BreakpointKind::WriteWatch:
            return x86::DebugCondition::Write;
        case BreakpointKind::ReadWatch:
        case BreakpointKind::AccessWatch:
            break;
    }
    return x86::DebugCondition::ReadWrite;
}

}  // namespace

// Breakpoints without an alternative get the debug slots first: watchpoints, then hardware breakpoints, then software
// breakpoints that cannot be planted.
void BreakpointTable::make_plan() {
    plan_ = DebugPlan{};
    plan_.physical_places = std::ranges::any_of(
        breakpoints_, [](const auto& each) { return each->physical && !each->is_watchpoint(); });
    if (stepping_only_) {
        plan_stepping_only();
    } else {
        plan_watchpoints();
        plan_unplanted();
        plan_planted();
    }
    plan_guarded();
    make_plan_without_slots();
}

void BreakpointTable::set_guarded(bool on) {
    guarded_ = on;
    plan_guarded();
    note_mechanisms();
}

void BreakpointTable::note_mechanisms() {
    for (const auto& breakpoint : breakpoints_)
        breakpoint->ran_by = mechanism_name(*breakpoint);
}

void BreakpointTable::plan_guarded() {
    plan_.guarded = guarded_ && !stepping_only_ && !plan_.stepped_watchpoints.empty();
    for (Breakpoint* watchpoint : plan_.stepped_watchpoints)
        watchpoint->mechanism = plan_.guarded ? Mechanism::ProtectedPage : Mechanism::Stepping;
}

void BreakpointTable::plan_stepping_only() {
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->mechanism == Mechanism::Planted)
            planted_.unplant(breakpoint->gpa);
        breakpoint->mechanism = Mechanism::Stepping;
        auto& list = breakpoint->is_watchpoint() ? plan_.stepped_watchpoints : plan_.stepped_breakpoints;
        list.push_back(breakpoint.get());
    }
}

void BreakpointTable::set_stepping_only(const machine::StopToken&, bool on) {
    stepping_only_ = on;
    make_plan();
}

void BreakpointTable::plan_watchpoints() {
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->is_watchpoint() && (!abilities_.data_slots || !assign_slots(*breakpoint))) {
            breakpoint->mechanism = Mechanism::Stepping;
            plan_.stepped_watchpoints.push_back(breakpoint.get());
        }
    }
}

void BreakpointTable::plan_unplanted() {
    for (const auto kind : {BreakpointKind::Hardware, BreakpointKind::Software}) {
        for (const auto& breakpoint : breakpoints_) {
            if (breakpoint->request.kind != kind || breakpoint->trap)
                continue;
            if (!abilities_.execute_slots || !assign_slots(*breakpoint)) {
                breakpoint->mechanism = Mechanism::Stepping;
                plan_.stepped_breakpoints.push_back(breakpoint.get());
            }
        }
    }
}

void BreakpointTable::plan_planted() {
    for (const auto& breakpoint : breakpoints_) {
        if (!breakpoint->trap)
            continue;
        const bool planted = breakpoint->mechanism == Mechanism::Planted;
        if (breakpoint->prefers_slot() && abilities_.execute_slots && assign_slots(*breakpoint)) {
            if (planted)
                planted_.unplant(breakpoint->gpa);
            continue;
        }
        if (!planted)
            breakpoint->trap = planted_.plant(breakpoint->gpa, *breakpoint->trap,
                                              breakpoint->without_paging || breakpoint->physical);
        breakpoint->mechanism = Mechanism::Planted;
        add_to_plan(*breakpoint->trap, *breakpoint);
        plan_.disturbs = plan_.disturbs || (breakpoint->disturbs && !breakpoint->user);
    }
}

void BreakpointTable::add_to_plan(x86::TrapInstruction trap, const Breakpoint& breakpoint) {
    const bool int3 = trap == x86::TrapInstruction::Int3;
    plan_.int3s |= int3;
    plan_.user_int3s |= int3 && breakpoint.user;
    plan_.exit_traps.halt |= trap == x86::TrapInstruction::Halt;
    plan_.exit_traps.undefined |= trap == x86::TrapInstruction::Undefined;
    plan_.exit_traps.paging |= !int3 && breakpoint.without_paging;
}

void BreakpointTable::make_plan_without_slots() {
    plan_without_slots_ = DebugPlan{};
    plan_without_slots_.physical_places = plan_.physical_places;
    plan_without_slots_.int3s = plan_.int3s;
    plan_without_slots_.user_int3s = plan_.user_int3s;
    plan_without_slots_.exit_traps = plan_.exit_traps;
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->is_watchpoint())
            plan_without_slots_.stepped_watchpoints.push_back(breakpoint.get());
        else if (breakpoint->mechanism != Mechanism::Planted)
            plan_without_slots_.stepped_breakpoints.push_back(breakpoint.get());
    }
}

// User code's int3s are found at the guest's handler where KVM does not report them, and code at a physical address may
// be user code at any time.
std::size_t BreakpointTable::slots_for_handlers() const {
    return !abilities_.step_user && std::ranges::any_of(breakpoints_,
                                                        [](const auto& each) {
                                                            return each->physical && each->trap.has_value();
                                                        })
               ? 1
               : 0;
}

bool BreakpointTable::assign_slots(Breakpoint& breakpoint) {
    if (breakpoint.physical)
        return false;
    const auto size = breakpoint.is_watchpoint() ? breakpoint.request.size : 1;
    const auto pieces = x86::split_watch_range(Gva{breakpoint.request.address}, size);
    const auto unused = static_cast<std::size_t>(std::ranges::count(plan_.owner, nullptr));
    const std::size_t free = unused - std::min(unused, slots_for_handlers());
    const bool tells_writes = breakpoint.request.kind == BreakpointKind::ReadWatch;
    if (!pieces || pieces->chunks().size() * (tells_writes ? 2 : 1) > free)
        return false;
    for (const x86::WatchChunk& piece : pieces->chunks()) {
        // First, because a step may take the last slot: without this one a write would look like a read.
        if (tells_writes)
            plan_.write_slots |= 1U << assign_slot(breakpoint, piece, x86::DebugCondition::Write);
        assign_slot(breakpoint, piece, condition_of(breakpoint.request.kind));
    }
    breakpoint.mechanism = Mechanism::Slot;
    return true;
}

unsigned BreakpointTable::assign_slot(Breakpoint& breakpoint, const x86::WatchChunk& piece,
                                      x86::DebugCondition condition) {
    const auto slot = static_cast<unsigned>(std::ranges::find(plan_.owner, nullptr) - plan_.owner.begin());
    plan_.slots[slot] = piece.address.value;
    plan_.owner[slot] = &breakpoint;
    plan_.dr7.enable(slot, condition, piece.length);
    return slot;
}

}  // namespace ringside::debug
