// Tables about the debugger itself for `info os`: vcpus, breakpoints, host.
#pragma once

#include "vmm/debug/monitor/documents.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

void add_debugger_documents(DocumentStore& documents, Debugger& debugger);

}  // namespace ringside::debug
