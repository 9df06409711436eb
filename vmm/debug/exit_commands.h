// `monitor exits ...`, and the same tables for `info os`.
#pragma once

#include "vmm/debug/documents.h"
#include "vmm/debug/exit_monitor.h"
#include "vmm/debug/monitor.h"

namespace ringside::debug {

// The tables, and what controls the recording.
void add_exit_commands(MonitorRegistry& registry, ExitMonitor& monitor);

// exits, exits-rip, exits-last.
void add_exit_documents(DocumentStore& documents, ExitMonitor& monitor);

}  // namespace ringside::debug
