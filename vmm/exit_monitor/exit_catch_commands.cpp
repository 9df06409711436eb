#include "vmm/exit_monitor/exit_catch_commands.h"

#include <fmt/format.h>

#include "vmm/debug/monitor/numbered_list.h"

namespace ringside::debug {

namespace {

std::string list(ExitCatches& catches) {
    return exits::to_text(catches.table());
}

Result<std::string> add(const Debugger& debugger, ExitCatches& catches, std::string_view rule) {
    if (rule.empty())
        return list(catches);
    if (debugger.stop_token() == nullptr)
        return guest_runs("catch");
    const auto number = TRY(catches.add(rule));
    return catches.describe(number);
}

constexpr NumberedList kRules{"exits uncatch", "a rule", "`monitor exits list` shows the rules",
                              "All rules are removed: no exit is caught.\n", "Rule {} is removed.\n"};

}  // namespace

void add_catch_commands(MonitorRegistry& registry, Debugger& debugger, ExitCatches& catches) {
    registry.add(
        {"exits catch", "RULE",
         "stops at exits: cpuid | cr3 | msr LSTAR | io 0x3f8-0x3ff | halt | mode-change | ept if gpa "
         "in A..B; [count N]",
         [&](auto, auto rule) { return add(debugger, catches, rule); }});
    registry.add(
        {"catch", "RULE",
         "the same; exception pf [if error & 2 and cpl == 3] | interrupt 32; for hypervisors: l2-exit "
         "[REASON] | vm-entry | vm-exit | vm-entry-failure",
         [&](auto, auto rule) { return add(debugger, catches, rule); }});
    registry.add({"exits uncatch", "[N]", "removes one rule, or all",
                  [&](auto, auto which) { return remove_from(catches, kRules, debugger, which); }});
    for (const char* name : {"exits list", "exits catch list"})
        registry.add({name, "", "the rules, their hits, and the mechanism of each",
                      [&](auto, auto) { return list(catches); }});
}

}  // namespace ringside::debug
