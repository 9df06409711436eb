// What of `monitor linux` needs a machine, not only its memory.
#include "vmm/debug/linux/linux_commands.h"
#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {

namespace {

Result<std::string> task_switch(TaskSwitchStop& stop, const Arguments& arguments) {
    if (arguments.words.empty())
        return stop.arm(arguments.vcpu, std::nullopt);
    if (arguments.words.front() == "off")
        return stop.disarm();
    const auto pid = parse_number(arguments.words.front());
    if (!pid)
        return failure("linux task-switch", "it needs a PID, \"off\", or nothing");
    return stop.arm(arguments.vcpu, pid);
}

}  // namespace

void add_linux_machine_commands(MonitorRegistry& registry, Debugger& debugger, LinuxGuest& kernel,
                                TaskSwitchStop& stop) {
    add_process_commands(registry, debugger, kernel,
                         [&debugger](std::optional<std::uint64_t> cr3) -> Result<bool> {
                             const machine::StopToken* token = debugger.stop_token();
                             if (token == nullptr)
                                 return failure("linux process", "the guest is running", "Stop it first");
                             return debugger.guest().choose_address_space(*token, cr3);
                         });
    add_text(registry, debugger,
             {"linux task-switch", "[PID|off]",
              "stops at Linux's next task switch, or at the next switch to a task", 1,
              [&stop](const Arguments& arguments) { return task_switch(stop, arguments); }});
}

}  // namespace ringside::debug
