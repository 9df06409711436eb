#include "vmm/exit_monitor/transition_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {

namespace {

Result<std::string> until(const Debugger& debugger, ExitCatches& catches, const Arguments& arguments,
                          const char* transition, const char* what) {
    if (debugger.stop_token() == nullptr)
        return guest_runs(fmt::format("until {}", transition));
    TRY(catches.add_once(transition, arguments.vcpu));
    return fmt::format("The next `continue` stops vCPU {} {}, unless something else stops it first.\n",
                       arguments.vcpu.value, what);
}

bool enters_guest(std::string_view instruction) {
    constexpr std::array<std::string_view, 3> kEntries{"vmlaunch", "vmresume", "vmrun"};
    return std::ranges::any_of(kEntries,
                               [&](std::string_view name) { return instruction.starts_with(name); });
}

// Over the guest's guest: from a VM entry, or from within L2, to where L1 continues.
Result<std::string> over_guest(Debugger& debugger, ExitCatches& catches, ExitNames& names,
                               const Arguments& arguments) {
    const machine::StopToken* token = debugger.stop_token();
    if (token == nullptr)
        return guest_runs("step over-guest");
    const auto now = TRY(debugger.registers_now(arguments.vcpu));
    if (!now.system.inner.running) {
        const auto instruction = names.instruction_at(arguments.vcpu, now.general.rip);
        if (!enters_guest(instruction))
            return failure(
                "step over-guest",
                fmt::format("the next instruction is \"{}\", which is not a VM entry", instruction),
                "`stepi` steps it; `monitor until vm-exit` runs to the next VM exit");
    }
    return until(debugger, catches, arguments, "vm-exit", "where L1 continues");
}

}  // namespace

void add_transition_commands(MonitorRegistry& registry, Debugger& debugger, ExitCatches& catches,
                             ExitNames& names) {
    add_text(registry, debugger,
             {"until vm-exit", "",
              "makes the next `continue` stop after a VM exit of the guest's guest (L2) to L1", 0,
              [&](const Arguments& arguments) {
                  return until(debugger, catches, arguments, "vm-exit", "at L1's next VM exit");
              }});
    add_text(registry, debugger,
             {"until vm-entry", "", "makes the next `continue` stop after L1's VM entry to its guest (L2)", 0,
              [&](const Arguments& arguments) {
                  return until(debugger, catches, arguments, "vm-entry", "at L1's next VM entry");
              }});
    add_text(registry, debugger,
             {"step over-guest", "",
              "makes the next `continue` run through a VM entry and L2, and stop where L1 continues", 0,
              [&](const Arguments& arguments) { return over_guest(debugger, catches, names, arguments); }});
}

}  // namespace ringside::debug
