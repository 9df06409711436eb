// Commands for the recording of a guest's run: record, goto, bookmark, last-write, last-change; `info os history`.
#pragma once

#include "vmm/debug/monitor/documents.h"
#include "vmm/debug/monitor/monitor.h"
#include "vmm/debug/monitor/symbol_of.h"

namespace ringside::debug {

// All of these; `symbol` is kept.
void add_history_commands(MonitorRegistry& registry, Debugger& debugger, const SymbolOf& symbol);
// last-write and last-change; part of the above.
void add_last_change_commands(MonitorRegistry& registry, Debugger& debugger, const SymbolOf& symbol);

void add_history_document(DocumentStore& documents, Debugger& debugger, const SymbolOf& symbol);

}  // namespace ringside::debug
