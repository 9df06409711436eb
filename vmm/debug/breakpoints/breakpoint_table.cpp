#include "vmm/debug/breakpoints/breakpoint_table.h"

#include <algorithm>

#include "arch/x86_64/control_bits.h"
#include "vmm/debug/breakpoints/patch_site.h"
#include "vmm/debug/breakpoints/trap_choice.h"
#include "vmm/debug/guest/guest_tables.h"

namespace ringside::debug {

namespace {

using gdbstub::BreakpointKind;

bool is_user_page(const x86::Translation& page, const x86::SystemRegisters& system) {
    return page.permissions.user && x86::paging_mode(x86::paging_state(system)) != x86::PagingMode::None;
}

std::vector<std::byte> code_at(const GuestView& view, const x86::SystemRegisters& system,
                               const Breakpoint& breakpoint) {
    std::vector<std::byte> code(kPatchSiteSize);
    code.resize(view.fetch(system, Gva{breakpoint.request.address}, code));
    return code;
}

bool is_empty(std::span<const std::byte> code) {
    return std::ranges::all_of(code, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

const char* mechanism_name(const Breakpoint& breakpoint) {
    switch (breakpoint.mechanism) {
        case Mechanism::Planted:
            return name(breakpoint.trap.value());
        case Mechanism::Slot:
            return "debug slot";
        case Mechanism::Stepping:
            break;
    }
    return "stepping";
}

std::byte* BreakpointTable::byte_at(Gpa gpa) const {
    const auto bytes = memory_.span(gpa, 1);
    return bytes.empty() ? nullptr : bytes.data();
}

BreakpointTable::List::iterator BreakpointTable::find(BreakpointKind kind, std::uint64_t address,
                                                      std::uint64_t size) {
    return std::ranges::find_if(breakpoints_, [&](const auto& b) {
        // For execution breakpoints `size` is gdb's idea of the instruction kind, and means nothing here.
        return b->request.kind == kind && b->request.address == address &&
               (!b->is_watchpoint() || b->request.size == size);
    });
}

Result<void> BreakpointTable::insert(const machine::StopToken&, const GuestView& view,
                                     const x86::SystemRegisters& system,
                                     const gdbstub::BreakpointRequest& request) {
    if (const auto it = find(request.kind, request.address, request.size); it != breakpoints_.end()) {
        (*it)->request = request;
        return {};
    }
    auto breakpoint = std::make_unique<Breakpoint>();
    breakpoint->request = request;
    breakpoint->address_space = view.address_space_of(system, Gva{request.address});
    breakpoint->level = level_of(view, system, request.address);
    if (breakpoint->is_watchpoint()) {
        if (request.size == 0 || request.address + (request.size - 1) < request.address)
            return failure("insert watchpoint", "the range is empty or wraps around");
    }
    breakpoint->hits = removed_.take(request);
    breakpoints_.push_back(std::move(breakpoint));
    look_at_places(view, system);
    make_plan();
    return {};
}

void BreakpointTable::remove(const machine::StopToken&, BreakpointKind kind, std::uint64_t address,
                             std::uint64_t size) {
    const auto it = find(kind, address, size);
    if (it == breakpoints_.end())
        return;  // the protocol wants removal to be idempotent
    removed_.add(**it);
    if ((*it)->mechanism == Mechanism::Planted)
        planted_.unplant((*it)->gpa);
    breakpoints_.erase(it);
    make_plan();
}

void BreakpointTable::remove_all(const machine::StopToken&) {
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->mechanism == Mechanism::Planted)
            planted_.unplant(breakpoint->gpa);
    }
    breakpoints_.clear();
    removed_.clear();
    levels_.clear();
    make_plan();
}

void BreakpointTable::lift_all(const machine::StopToken&) {
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->mechanism == Mechanism::Planted)
            planted_.unplant(breakpoint->gpa);
        breakpoint->mechanism = Mechanism::Stepping;
        breakpoint->trap.reset();
        breakpoint->address_space.reset();
        breakpoint->level = x86::GuestLevel::L1;
    }
    levels_.clear();
    make_plan();
}

void BreakpointTable::place_all(const machine::StopToken&, const GuestView& view,
                                const x86::SystemRegisters& system) {
    look_at_places(view, system);
    make_plan();
}

x86::GuestLevel BreakpointTable::level_of(const GuestView& view, const x86::SystemRegisters& system,
                                          std::uint64_t address) {
    const auto current = view.chosen_level().value_or(x86::level_of(system));
    return levels_.try_emplace(address, current).first->second;
}

// A breakpoint in L2's code can be set before there is an L2.
void BreakpointTable::settle_level(const GuestView& view, const x86::SystemRegisters& system,
                                   Breakpoint& breakpoint) {
    const std::uint64_t address = breakpoint.request.address;
    breakpoint.level_open =
        !view.chosen_level() && !page_of(view, tables_of(view, system, breakpoint), breakpoint);
    if (!breakpoint.level_open || !system.inner.known)
        return;
    const auto other = breakpoint.level == x86::GuestLevel::L1 ? x86::GuestLevel::L2 : x86::GuestLevel::L1;
    if (!page_of(view, view.tables_for(system, Gva{address}, other), breakpoint))
        return;
    breakpoint.level = levels_[address] = other;
    breakpoint.level_open = false;
}

x86::SystemRegisters BreakpointTable::tables_of(const GuestView& view, const x86::SystemRegisters& system,
                                                const Breakpoint& breakpoint) {
    return view.tables_for(system, Gva{breakpoint.request.address}, breakpoint.level);
}

void BreakpointTable::settle(const GuestView& view, const x86::SystemRegisters& system) {
    renew_overwritten(view, system);
    settle_unpaged(view, system);
    if (std::ranges::none_of(breakpoints_, &Breakpoint::waiting))
        return;
    look_at_places(view, system);
    make_plan();
}

void BreakpointTable::settle_unpaged(const GuestView& view, const x86::SystemRegisters& system) {
    if (!plan_.exit_traps.paging || (system.cr0 & x86::cr0::kPg) == 0)
        return;
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->mechanism != Mechanism::Planted || !breakpoint->without_paging)
            continue;
        planted_.unplant(breakpoint->gpa);
        breakpoint->mechanism = Mechanism::Stepping;
        look_at_place(view, system, *breakpoint);
    }
    make_plan();
}

bool BreakpointTable::can_settle(const GuestView& view, const x86::SystemRegisters& system) const {
    return !stepping_only_ && std::ranges::any_of(breakpoints_, [&](const auto& breakpoint) {
        const auto tables = tables_of(view, system, *breakpoint);
        return breakpoint->waiting && breakpoint->mechanism == Mechanism::Stepping &&
               page_of(view, tables, *breakpoint) &&
               (abilities_.execute_slots || !is_empty(code_at(view, tables, *breakpoint)));
    });
}

std::vector<Gva> BreakpointTable::overwritten() const {
    std::vector<Gva> addresses;
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->mechanism == Mechanism::Planted && planted_.overwritten(breakpoint->gpa))
            addresses.push_back(Gva{breakpoint->request.address});
    }
    return addresses;
}

void BreakpointTable::renew_overwritten(const GuestView& view, const x86::SystemRegisters& system) {
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->mechanism != Mechanism::Planted || !planted_.overwritten(breakpoint->gpa))
            continue;
        const Gva address{breakpoint->request.address};
        const auto page = view.translate(tables_of(view, system, *breakpoint), address);
        if (page && page->gpa == breakpoint->gpa)
            planted_.renew(breakpoint->gpa);
    }
}

// Execution slots that do not work at CPL 3 are of no use for user code; an int3 there is seen
// (user_frame.h).
bool BreakpointTable::reachable_by_slot(const GuestView& view, const x86::SystemRegisters& system,
                                        const Breakpoint& breakpoint) const {
    if (abilities_.execute_slots_user)
        return true;
    const auto tables = tables_of(view, system, breakpoint);
    const auto page = view.translate(tables, Gva{breakpoint.request.address});
    return !page || !is_user_page(*page, tables);
}

// User code that the vCPU cannot run in its present mode (in the kernel, with SMEP) may be any process's: the
// address is looked up in the one that happens to be current, whose code a planted instruction might break.
bool BreakpointTable::is_anybodys(const x86::SystemRegisters& system, const Breakpoint& breakpoint) const {
    return breakpoint.user && abilities_.execute_slots_user && !breakpoint.address_space &&
           system.ss.dpl != 3 && (system.cr4 & x86::cr4::kSmep) != 0;
}

// Finds out if a slot is better than what can be planted there. A guest that still has to put code there will write
// over it: a loader that copies itself, a trampoline for other CPUs.
void BreakpointTable::look_for_reasons(const GuestView& view, const x86::SystemRegisters& system,
                                       Breakpoint& breakpoint) const {
    const auto code = code_at(view, system, breakpoint);
    breakpoint.no_code = is_empty(code);
    breakpoint.disturbs = is_anybodys(system, breakpoint);
    if ((system.efer & x86::efer::kLma) != 0 && !breakpoint.user)
        breakpoint.disturbs = is_patch_site(code);
}

// Where a planted instruction could be fetched from; nothing while no table leads to such a page. (A kernel of the upper half of the
// address space has its addresses in nowhere until it turns paging on.)
std::optional<x86::Translation> BreakpointTable::page_of(const GuestView& view,
                                                         const x86::SystemRegisters& system,
                                                         const Breakpoint& breakpoint) const {
    const auto page = view.translate(system, Gva{breakpoint.request.address});
    if (!page || !page->permissions.executable || byte_at(page->gpa) == nullptr)
        return std::nullopt;
    return *page;
}

void BreakpointTable::look_at_place(const GuestView& view, const x86::SystemRegisters& current,
                                    Breakpoint& breakpoint) const {
    const auto system = tables_of(view, current, breakpoint);
    const auto page = page_of(view, system, breakpoint);
    breakpoint.waiting = !page;
    breakpoint.trap.reset();
    breakpoint.no_code = false;
    // KVM has int3s intercepted by the level that runs when it is told to; L1's may go to L1 then (seen with Linux 6.1's
    // kvm-intel). Slots work.
    const bool seen = x86::level_of(current) == breakpoint.level || breakpoint.level == x86::GuestLevel::L2;
    if (!page || !seen)
        return;
    const bool user = is_user_page(*page, system);
    const bool may_be_32_bit = user && abilities_.undefined_traps && may_run_32_bit_user_code(view, current);
    breakpoint.trap =
        choose_trap(abilities_, system, {Gva{breakpoint.request.address}, page->gpa, user, may_be_32_bit});
    if (!breakpoint.trap)
        return;
    breakpoint.gpa = page->gpa;
    breakpoint.user = user;
    breakpoint.without_paging = (system.cr0 & x86::cr0::kPg) == 0;
    look_for_reasons(view, system, breakpoint);
    if (breakpoint.no_code && !abilities_.execute_slots) {
        breakpoint.trap.reset();
        breakpoint.waiting = true;
    }
}

// Where a breakpoint is planted its place is known; for the others it may have changed since they were looked at. One that
// is to be a hardware breakpoint may be on code that is not loaded yet, which a planted instruction would not survive;
// without slots it is planted all the same where only a kernel that runs already has mapped its page.
void BreakpointTable::look_at_places(const GuestView& view, const x86::SystemRegisters& system) {
    for (const auto& breakpoint : breakpoints_) {
        const auto kind = breakpoint->request.kind;
        if (breakpoint->mechanism == Mechanism::Planted || breakpoint->is_watchpoint())
            continue;
        settle_level(view, system, *breakpoint);
        const auto address = breakpoint->request.address;
        if (kind == BreakpointKind::Software || !reachable_by_slot(view, system, *breakpoint) ||
            (!abilities_.execute_slots && address >= kHighAddress))
            look_at_place(view, system, *breakpoint);
    }
}

Breakpoint* BreakpointTable::planted_at(Gpa gpa) const {
    const auto it = std::ranges::find_if(
        breakpoints_, [&](const auto& b) { return b->mechanism == Mechanism::Planted && b->gpa == gpa; });
    return it == breakpoints_.end() ? nullptr : it->get();
}

Breakpoint* BreakpointTable::execution_at(Gva address) const {
    const auto found = std::ranges::find_if(breakpoints_, [address](const auto& breakpoint) {
        return !breakpoint->is_watchpoint() && breakpoint->request.address == address.value;
    });
    return found == breakpoints_.end() ? nullptr : found->get();
}

std::vector<BreakpointLine> BreakpointTable::lines() const {
    std::vector<BreakpointLine> all;
    for (const auto& breakpoint : breakpoints_)
        all.push_back(describe(*breakpoint));
    all.insert(all.end(), removed_.lines().begin(), removed_.lines().end());
    return all;
}

std::vector<const Breakpoint*> BreakpointTable::list() const {
    std::vector<const Breakpoint*> all;
    for (const auto& breakpoint : breakpoints_)
        all.push_back(breakpoint.get());
    return all;
}

}  // namespace ringside::debug
