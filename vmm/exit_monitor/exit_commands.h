// `monitor exits ...`, and the same tables for `info os`.
#pragma once

#include "vmm/debug/monitor/documents.h"
#include "vmm/debug/monitor/monitor.h"
#include "vmm/exit_monitor/exit_monitor.h"

namespace ringside::debug {

// The rows of a table if the user gives no number.
constexpr std::size_t kDefaultExitRows = 20;

// The tables, and the commands that control recording.
void add_exit_commands(MonitorRegistry& registry, ExitMonitor& monitor);

// exits, exits-rip, exits-last.
void add_exit_documents(DocumentStore& documents, ExitMonitor& monitor);

}  // namespace ringside::debug
