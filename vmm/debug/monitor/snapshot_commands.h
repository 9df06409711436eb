// snapshot save, restore, list, delete, diff; and `info os snapshots`.
#pragma once

#include "vmm/debug/monitor/documents.h"
#include "vmm/debug/monitor/monitor.h"
#include "vmm/debug/target/snapshots.h"

namespace ringside::debug {

void add_snapshot_commands(MonitorRegistry& registry, Debugger& debugger, Snapshots& snapshots);
void add_snapshot_document(DocumentStore& documents, const Snapshots& snapshots);

}  // namespace ringside::debug
