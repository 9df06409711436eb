// `monitor linux ...`: a Linux kernel in words, from its own symbols and types.
#pragma once

#include "vmm/debug/linux/linux_guest.h"
#include "vmm/debug/monitor/documents.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

// What only looks.
void add_linux_commands(MonitorRegistry& registry, Inspected& guest, LinuxGuest& kernel);
// `info os tasks`.
void add_linux_document(DocumentStore& documents, LinuxGuest& kernel);

}  // namespace ringside::debug
