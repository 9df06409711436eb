// The monitor's commands as gdb commands, in gdb's Python: generated from the registry that also provides `monitor
// help`.
#pragma once

#include <string>

#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

// The file's text, for gdb's `source`.
std::string gdb_script(const MonitorRegistry& registry);

// `monitor gdb-script [FILE]`
void add_gdb_script_command(MonitorRegistry& registry);

// Has @COMMANDS@ in place of the list of commands.
extern const char* const kGdbScriptTemplate;

}  // namespace ringside::debug
