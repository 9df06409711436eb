// Commands for the recording of a guest's run: record, goto, bookmark, last-write, last-change; `info os history`.
#pragma once

#include <functional>
#include <string>

#include "vmm/debug/monitor/documents.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

// "schedule+0x12" for a RIP, or an empty string.
using Symbolizer = std::function<std::string(std::uint64_t rip)>;

// All of these; `symbol` is kept.
void add_history_commands(MonitorRegistry& registry, Debugger& debugger, const Symbolizer& symbol);
// last-write and last-change; part of the above.
void add_last_change_commands(MonitorRegistry& registry, Debugger& debugger, const Symbolizer& symbol);

void add_history_document(DocumentStore& documents, Debugger& debugger, const Symbolizer& symbol);

}  // namespace ringside::debug
