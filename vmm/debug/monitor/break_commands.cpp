#include <fmt/format.h>

#include "vmm/debug/monitor/monitor_breakpoints.h"
#include "vmm/debug/monitor/numbered_list.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

std::string list(const MonitorBreakpoints& breakpoints) {
    return breakpoints.empty()
               ? "The monitor has no breakpoints of its own. (`monitor breakpoints` lists the "
                 "debugger's.)\n"
               : breakpoints.describe();
}

Result<std::string> add(MonitorBreakpoints& breakpoints, gdbstub::ThreadId thread, Result<BreakRule> rule) {
    auto parsed = TRY(std::move(rule));
    const auto number = TRY(breakpoints.add(vcpu_of(thread), std::move(parsed)));
    return breakpoints.describe(number);
}

Result<std::string> watch(Debugger& debugger, MonitorBreakpoints& breakpoints, gdbstub::ThreadId thread,
                          Result<BreakRule> rule) {
    return add(breakpoints, thread, std::move(rule)).map([&](const std::string& text) {
        return text +
               (debugger.guest().context().abilities.protects_pages()
                    ? "Its pages are write-protected while the guest runs: only a write to one of them is "
                      "slow. "
                    : "The guest is single-stepped meanwhile, which is slow. ") +
               "Writes by devices are not seen. Those of a processor to its page tables may be missed.\n";
    });
}

constexpr NumberedList kBreakpoints{"break delete", "a breakpoint", "`monitor break` lists them",
                                    "All breakpoints and watchpoints of the monitor's are deleted.\n",
                                    "{} is deleted.\n"};

}  // namespace

void add_break_commands(MonitorRegistry& registry, Debugger& debugger, MonitorBreakpoints& breakpoints) {
    registry.add(
        {"break", "[[phys] ADDRESS [FILTER]...]",
         "a breakpoint of the monitor's own, or their list; FILTER: if cr3 == X and cpl == 3 and rdi & 4 | "
         "vcpu N | ignore N",
         [&](auto thread, auto rest) -> Result<std::string> {
             if (rest.empty())
                 return list(breakpoints);
             return add(breakpoints, thread, parse_break(rest, debugger.vcpu_count()));
         }});
    registry.add({"watch", "phys ADDRESS LENGTH [FILTER]...",
                  "stops when the guest has changed physical memory, at whatever address",
                  [&](auto thread, auto rest) -> Result<std::string> {
                      if (rest.empty())
                          return list(breakpoints);
                      return watch(debugger, breakpoints, thread, parse_watch(rest, debugger.vcpu_count()));
                  }});
    registry.add({"break delete", "[N]", "deletes one of the monitor's breakpoints or watchpoints, or all",
                  [&](auto, auto which) { return remove_from(breakpoints, kBreakpoints, debugger, which); }});
}

}  // namespace ringside::debug
