#include "vmm/debug/monitor/state_commands.h"

#include <fmt/format.h>

#include "vmm/base/text.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

std::string registers(Inspected& guest, gdbstub::ThreadId thread, std::string_view rest) {
    const auto state = guest.all_registers(vcpu_of(thread));
    if (!state)
        return state.error().message() + "\n";
    return x86::format_registers(**state, rest == "all");
}

std::string translate(Inspected& guest, gdbstub::ThreadId thread, std::string_view rest) {
    const auto address = parse_number(rest);
    if (!address)
        return "Usage: monitor translate ADDRESS (0x... or decimal)\n";
    const auto now = guest.registers_now(vcpu_of(thread));
    if (!now)
        return now.error().message() + "\n";
    const auto tables = guest.view().tables_for(now->system, Gva{*address});
    const auto page = guest.view().translate(tables, Gva{*address});
    if (!page)
        return x86::describe(page.error()) + "\n";
    std::string text;
    for (std::size_t i = 0; i < page->step_count; ++i) {
        const x86::WalkStep& step = page->steps[i];
        text += fmt::format("{:<5} entry at gpa 0x{:x} = 0x{:016x}  {}{}{}\n", x86::level_name(step.level),
                            step.entry_gpa.value, step.entry, step.permissions.writable ? "w" : "-",
                            step.permissions.executable ? "x" : "-", step.permissions.user ? "u" : "-");
    }
    return text + fmt::format("0x{:x} -> gpa 0x{:x}, {} KiB page, {}, {}, {}\n", *address, page->gpa.value,
                              page->page_size / 1024, page->permissions.writable ? "writable" : "read-only",
                              page->permissions.executable ? "executable" : "no-execute",
                              page->permissions.user ? "user" : "supervisor");
}

}  // namespace

void add_state_commands(MonitorRegistry& registry, Inspected& guest) {
    registry.name_registers_of(guest);
    registry.add({"registers", "[all]",
                  "every register of the current vCPU, flags by name; with `all` also vectors",
                  [&](auto thread, auto rest) { return registers(guest, thread, rest); }});
    registry.add({"translate", "ADDRESS", "the page walk of an address, level by level",
                  [&](auto thread, auto rest) { return translate(guest, thread, rest); }});
}

}  // namespace ringside::debug
