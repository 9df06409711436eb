#include "vmm/debug/core/core_monitor.h"

#include <algorithm>

#include <fmt/format.h>

#include "vmm/base/text.h"
#include "vmm/debug/linux/linux_commands.h"
#include "vmm/debug/monitor/gdb_script.h"
#include "vmm/debug/monitor/map_commands.h"
#include "vmm/debug/monitor/memory_commands.h"
#include "vmm/debug/monitor/state_commands.h"
#include "vmm/debug/monitor/table_commands.h"

namespace ringside::debug {

namespace {

constexpr const char* kRuns = "nothing runs in a vmcore";
constexpr const char* kChanges = "nothing can be changed in a vmcore";
constexpr const char* kChips = "a vmcore does not contain the state of interrupt controllers and timer";
constexpr const char* kDevices = "a vmcore does not contain the devices";
constexpr const char* kRegisters = "a vmcore contains only the registers that `monitor registers` shows";
constexpr const char* kServed = "`ringside core --gdb ENDPOINT` chooses where a vmcore is served";
constexpr const char* kExits = "a vmcore does not contain the machine's VM exits";

// A machine's commands by their first words, and why they are not for a vmcore.
struct MachineCommand {
    std::string_view name;
    const char* why;
};
constexpr MachineCommand kMachineCommands[] = {
    {"lapic", kChips},        {"ioapic", kChips},      {"pic", kChips},
    {"pit", kChips},          {"why-no-irq", kChips},  {"events", kChips},
    {"devices", kDevices},    {"mtree", kDevices},     {"port", kDevices},
    {"msr", kRegisters},      {"cpuid", kRegisters},   {"vmcs", kRegisters},
    {"vmcb", kRegisters},     {"level", kRegisters},   {"exits", kExits},
    {"address-space", kRuns}, {"breakpoints", kRuns},  {"step", kRuns},
    {"fatal", kRuns},         {"host", kRuns},         {"guest-stop", kRuns},
    {"nmi", kRuns},           {"inject", kRuns},       {"stop", kRuns},
    {"cont", kRuns},          {"system_reset", kRuns}, {"system_powerdown", kRuns},
    {"record", kRuns},        {"last-write", kRuns},   {"last-change", kRuns},
    {"goto", kRuns},          {"bookmark", kRuns},     {"dump", "it is a dump"},
    {"phys write", kChanges}, {"snapshot", kRuns},     {"linux task-switch", kRuns},
    {"gdbserver", kServed},   {"serial", kDevices},    {"catch", kExits},
    {"until", kRuns},         {"irq", kChips},         {"break", kRuns},
    {"watch", kRuns},
};

// Returns true if the words of `line` begin with those of `name`.
bool begins_with(std::string_view line, std::string_view name) {
    return line.starts_with(name) && (line.size() == name.size() || line[name.size()] == ' ');
}

}  // namespace

CoreMonitor::CoreMonitor(CoreTarget& core) : linux_(core) {
    add_state_commands(registry_, core);
    add_table_commands(registry_, core);
    add_map_commands(registry_, core);
    add_memory_commands(registry_, core);
    add_disassembly_command(registry_, core);
    add_linux_commands(registry_, core, linux_);
    add_process_commands(registry_, core, linux_,
                         [&core](auto cr3) { return core.choose_address_space(cr3); });
    add_version_commands(registry_);
    add_gdb_script_command(registry_);
}

gdbstub::MonitorAnswer CoreMonitor::run(gdbstub::ThreadId thread, std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    for (const MachineCommand& command : kMachineCommands) {
        if (begins_with(line, command.name))
            return {fmt::format("{}: {}.\n", command.name, command.why), true};
    }
    return registry_.run(thread, line);
}

}  // namespace ringside::debug
