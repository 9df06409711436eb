#include "vmm/debug/monitor/state_commands.h"

#include <fmt/format.h>

#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {

namespace {

Result<std::string> registers(Inspected& guest, const Arguments& arguments) {
    const bool all = !arguments.words.empty();
    if (all && arguments.words.front() != "all")
        return failure("registers", fmt::format("\"{}\" is not known", arguments.words.front()),
                       "`registers all` shows the vector registers too");
    const x86::CpuState* state = TRY(guest.all_registers(arguments.vcpu));
    return x86::format_registers(*state, all);
}

std::string letters(const x86::PagePermissions& permissions) {
    return fmt::format("{}{}{}", permissions.writable ? "w" : "-", permissions.executable ? "x" : "-",
                       permissions.user ? "u" : "-");
}

std::string walk_text(std::uint64_t address, const x86::Translation& page) {
    std::string text;
    for (std::size_t i = 0; i < page.step_count; ++i) {
        const x86::WalkStep& step = page.steps[i];
        text += fmt::format("{:<5} entry at gpa 0x{:x} = 0x{:016x}  {}\n", x86::level_name(step.level),
                            step.entry_gpa.value, step.entry, letters(step.permissions));
    }
    return text + fmt::format("0x{:x} -> gpa 0x{:x}, {} KiB page, {}, {}, {}", address, page.gpa.value,
                              page.page_size / 1024, page.permissions.writable ? "writable" : "read-only",
                              page.permissions.executable ? "executable" : "no-execute",
                              page.permissions.user ? "user" : "supervisor");
}

Result<Answer> translate(Inspected& guest, const Arguments& arguments) {
    const auto address = arguments.words.empty() ? std::nullopt : parse_number(arguments.words.front());
    if (!address)
        return failure("translate", "it needs an address", "For example: monitor translate $rsp");
    const auto now = TRY(guest.registers_now(arguments.vcpu));
    const auto tables = guest.view().tables_for(now.system, Gva{*address});
    const auto page = guest.view().translate(tables, Gva{*address});
    if (!page)
        return failure("translate", x86::describe(page.error()));
    std::vector<std::vector<Cell>> walk;
    for (std::size_t i = 0; i < page->step_count; ++i) {
        const x86::WalkStep& step = page->steps[i];
        walk.push_back({words(x86::level_name(step.level)), hex(step.entry_gpa.value), hex(step.entry),
                        words(letters(step.permissions))});
    }
    return Answer()
        .headline(walk_text(*address, *page))
        .records("walk", {"level", "gpa", "entry", "access"}, std::move(walk))
        .records(
            "mappings", {"address", "gpa", "page size", "access"},
            {{hex(*address), hex(page->gpa.value), hex(page->page_size), words(letters(page->permissions))}});
}

}  // namespace

void add_state_commands(MonitorRegistry& registry, Inspected& guest) {
    registry.name_registers_of(guest);
    add_text(registry, guest,
             {"registers", "[all]", "every register of a vCPU, flags by name; with `all` also vectors", 1,
              [&](const Arguments& arguments) { return registers(guest, arguments); }});
    add_answering(registry, guest,
                  {"translate", "ADDRESS", "the page walk of an address, level by level", 1,
                   [&](const Arguments& arguments) { return translate(guest, arguments); }});
}

}  // namespace ringside::debug
