// Tables about the debugger itself for `info os`: vcpus, breakpoints, host.
#pragma once

#include "vmm/debug/debugger.h"
#include "vmm/debug/documents.h"

namespace ringside::debug {

void add_debugger_documents(DocumentStore& documents, Debugger& debugger);

}  // namespace ringside::debug
