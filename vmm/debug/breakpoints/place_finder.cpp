#include "vmm/debug/breakpoints/place_finder.h"

#include <algorithm>
#include <vector>

#include "arch/x86_64/control_bits.h"
#include "vmm/debug/breakpoints/patch_site.h"
#include "vmm/debug/breakpoints/trap_choice.h"
#include "vmm/debug/guest/guest_tables.h"

namespace ringside::debug {

namespace {

bool is_user_page(const x86::Translation& page, const x86::SystemRegisters& tables) {
    return page.permissions.user && x86::paging_mode(x86::paging_state(tables)) != x86::PagingMode::None;
}

std::vector<std::byte> code_at(const GuestView& view, const x86::SystemRegisters& tables,
                               const Breakpoint& breakpoint) {
    std::vector<std::byte> code(kPatchSiteSize);
    code.resize(view.fetch(tables, Gva{breakpoint.request.address}, code));
    return code;
}

bool is_empty(std::span<const std::byte> code) {
    return std::ranges::all_of(code, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

x86::SystemRegisters PlaceFinder::tables_of(const Breakpoint& breakpoint, x86::GuestLevel level) const {
    return view_.tables_for(current_, Gva{breakpoint.request.address}, level);
}

tl::expected<x86::Translation, x86::WalkFailure> PlaceFinder::translate(const Breakpoint& breakpoint) const {
    return view_.translate(tables_of(breakpoint, breakpoint.level), Gva{breakpoint.request.address});
}

std::optional<x86::Translation> PlaceFinder::page_of(const Breakpoint& breakpoint,
                                                     x86::GuestLevel level) const {
    const auto page = view_.translate(tables_of(breakpoint, level), Gva{breakpoint.request.address});
    if (!page)
        return std::nullopt;
    const bool is_code = page->permissions.executable && !view_.memory().span(page->gpa, 1).empty();
    return is_code || breakpoint.is_watchpoint() ? std::optional(*page) : std::nullopt;
}

std::vector<std::byte> PlaceFinder::code_of(const Breakpoint& breakpoint) const {
    if (!breakpoint.physical)
        return code_at(view_, tables_of(breakpoint, breakpoint.level), breakpoint);
    std::vector<std::byte> code(kPatchSiteSize);
    code.resize(view_.read_physical(breakpoint.gpa, code).value_or(0));
    return code;
}

bool PlaceFinder::can_settle(const Breakpoint& breakpoint) const {
    const bool needs_code = breakpoint.physical || !abilities_.execute_slots;
    return (breakpoint.physical || page_of(breakpoint)) && (!needs_code || !is_empty(code_of(breakpoint)));
}

bool PlaceFinder::reachable_by_slot(const Breakpoint& breakpoint) const {
    if (abilities_.execute_slots_user)
        return true;
    const auto page = translate(breakpoint);
    return !page || !is_user_page(*page, tables_of(breakpoint, breakpoint.level));
}

// User code that the vCPU cannot run in its present mode (in the kernel, with SMEP) may belong to any process: the
// address is looked up in the current one, whose code a planted instruction might break.
bool PlaceFinder::is_anybodys(const x86::SystemRegisters& tables, const Breakpoint& breakpoint) const {
    return breakpoint.user && abilities_.execute_slots_user && !breakpoint.address_space &&
           tables.ss.dpl != 3 && (tables.cr4 & x86::cr4::kSmep) != 0;
}

// Finds out if a slot is better than a planted instruction. If the guest has not put code there yet, it will overwrite
// what is planted: a loader that copies itself, a trampoline for other CPUs.
void PlaceFinder::look_for_reasons(const x86::SystemRegisters& tables, Breakpoint& breakpoint) const {
    const auto code = code_of(breakpoint);
    breakpoint.no_code = is_empty(code);
    breakpoint.disturbs = is_anybodys(tables, breakpoint);
    if ((tables.efer & x86::efer::kLma) != 0 && !breakpoint.user)
        breakpoint.disturbs = is_patch_site(code);
}

void PlaceFinder::look_at_place(Breakpoint& breakpoint) const {
    const auto tables = tables_of(breakpoint, breakpoint.level);
    const auto page = page_of(breakpoint);
    breakpoint.waiting = !page;
    breakpoint.trap.reset();
    breakpoint.no_code = false;
    if (!page)
        return;
    const bool user = is_user_page(*page, tables);
    const bool may_be_32_bit =
        user && abilities_.undefined_traps && may_run_32_bit_user_code(view_, current_);
    const bool inner = breakpoint.level == x86::GuestLevel::L2;
    breakpoint.trap = choose_trap(abilities_, tables,
                                  {Gva{breakpoint.request.address}, page->gpa, user, may_be_32_bit, inner});
    // KVM has int3s intercepted by the level that runs when it is told to; L1's may go to L1 then (seen with Linux 6.1's
    // kvm-intel). Slots work.
    if (breakpoint.trap == x86::TrapInstruction::Int3 && !inner && current_.inner.running)
        breakpoint.trap.reset();
    if (!breakpoint.trap)
        return;
    breakpoint.gpa = page->gpa;
    breakpoint.user = user;
    breakpoint.without_paging = (tables.cr0 & x86::cr0::kPg) == 0;
    look_for_reasons(tables, breakpoint);
    if (breakpoint.no_code && !abilities_.execute_slots) {
        breakpoint.trap.reset();
        breakpoint.waiting = true;
    }
}

// The code there may run in any mode and at any privilege level, now or later.
void PlaceFinder::look_at_physical(Breakpoint& breakpoint) const {
    const auto code = code_of(breakpoint);
    breakpoint.no_code = breakpoint.waiting = is_empty(code);
    breakpoint.user = true;
    breakpoint.disturbs = (current_.efer & x86::efer::kLma) != 0 && is_patch_site(code);
    breakpoint.trap.reset();
    if (!breakpoint.no_code && int3_works_for_any_code(abilities_, breakpoint.gpa) && !current_.inner.running)
        breakpoint.trap = x86::TrapInstruction::Int3;
}

}  // namespace ringside::debug
