#include "vmm/debug/target/notices.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "arch/x86_64/cpu_mode.h"

namespace ringside::debug {

namespace {

std::string counted(std::size_t count, const char* what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string why_no_slot(std::span<Breakpoint* const> without, bool slots_work, const char* which_slots) {
    if (std::ranges::all_of(without, &Breakpoint::physical))
        return "a debug slot cannot hold a physical address";
    return slots_work ? "no debug slot is free"
                      : fmt::format("{} do not work on this host's KVM", which_slots);
}

// "The guest is single-stepped for 1 watchpoint: ..."
std::string stepping(const std::string& what, const std::string& why) {
    return fmt::format(
        "The guest is single-stepped for {}: {}.\nIt runs slowly meanwhile. `monitor breakpoints` has "
        "the list.\n",
        what, why);
}

std::string protecting(const std::string& what, const std::string& why) {
    return fmt::format(
        "The pages of {} are write-protected: {}.\nOnly a write to one of them is slow. "
        "`monitor breakpoints` has the list.\n",
        what, why);
}

// Emulated SVM runs an interrupt's handler through.
constexpr const char* kUnseenHandlers = "Accesses by interrupt handlers may be missed.\n";

}  // namespace

void Notices::tell(const std::string& lines) {
    owner_.on_notice(lines.substr(0, lines.size() - 1));
    owner_.on_console(lines);
}

void Notices::of_plan(const DebugPlan& plan, const HostAbilities& host, const std::string& not_protected) {
    const std::string handlers = host.execute_slots || host.data_slots ? "" : kUnseenHandlers;
    of_watchpoints(plan, why_no_slot(plan.stepped_watchpoints, host.data_slots, "data slots"), not_protected,
                   handlers);
    if (!plan.stepped_breakpoints.empty() && !std::exchange(told_of_stepped_breakpoints_, true))
        tell(stepping(counted(plan.stepped_breakpoints.size(), "breakpoint"),
                      why_no_slot(plan.stepped_breakpoints, host.execute_slots, "execution slots")) +
             handlers);
    if (plan.disturbs && !std::exchange(told_of_patch_sites_, true))
        tell(
            "There are more breakpoints than debug slots on instructions that kernels patch.\n"
            "The rest are planted in memory: Linux warns, and disables its function tracer, if it finds "
            "one there.\n"
            "`monitor breakpoints` has the list.\n");
}

void Notices::of_watchpoints(const DebugPlan& plan, const std::string& why, const std::string& not_protected,
                             const std::string& handlers) {
    if (plan.stepped_watchpoints.empty())
        return;
    const auto what = counted(plan.stepped_watchpoints.size(), "watchpoint");
    if (plan.guarded) {
        if (!std::exchange(told_of_protected_pages_, true))
            tell(protecting(what, why));
    } else if (!std::exchange(told_of_stepped_watchpoints_, true)) {
        const auto unprotected =
            not_protected.empty() ? ""
                                  : fmt::format("Their pages are not write-protected: {}.\n", not_protected);
        tell(stepping(what, why) + unprotected + handlers);
    }
}

void Notices::of_guard_end(const std::string& why) {
    told_of_stepped_watchpoints_ = true;
    tell(fmt::format("The guest is single-stepped for the watchpoints from now on: {}.\n", why));
}

void Notices::of_moved_pages(const std::string& lines) {
    if (!lines.empty())
        tell(lines);
}

void Notices::of_guest_slots() {
    if (!std::exchange(told_of_guest_slots_, true))
        tell(
            "The guest uses debug registers itself, and there are too few for both.\n"
            "Breakpoints that need a debug slot are found by stepping the guest, which is slow.\n");
}

void Notices::of_completion() {
    if (!std::exchange(told_of_completion_, true))
        owner_.on_notice(
            "This host's KVM cannot emulate some instructions that the guest's kernel uses: Ringside "
            "executes "
            "them, "
            "at the cost of an exit each (`monitor exits` counts them as internal errors).");
}

std::string Notices::of_overwritten(const BreakpointTable& table) {
    std::string lines;
    for (const Breakpoint* breakpoint : table.overwritten())
        lines += fmt::format(
            "The guest has overwritten the breakpoint at {}{:#x}, and may have passed it without a stop.\n{}",
            breakpoint->physical ? "physical " : "", breakpoint->request.address,
            breakpoint->judge == nullptr
                ? "A hardware breakpoint (`hbreak`) is not affected by such writes.\n"
                : "It is in place again when the guest runs on.\n");
    if (!lines.empty())
        owner_.on_notice(lines.substr(0, lines.size() - 1));
    return lines;
}

std::string Notices::of_narrow_registers(const x86::GeneralRegisters& general,
                                         const x86::SystemRegisters& system) {
    if (x86::cpu_mode(general, system) != x86::CpuMode::Long64 ||
        std::exchange(told_of_narrow_registers_, true))
        return {};
    return "The guest is in 64-bit mode, and the debugger has its 32-bit registers: of RAX to RIP it shows "
           "the "
           "lower half.\n"
           "`monitor registers` shows all of them. With --gdb-arch x86-64 the debugger has them too.\n";
}

}  // namespace ringside::debug
