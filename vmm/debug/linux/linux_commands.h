// `monitor linux ...`: the state of a Linux kernel, by its own symbols and types.
#pragma once

#include "vmm/debug/linux/linux_guest.h"
#include "vmm/debug/linux/task_switch.h"
#include "vmm/debug/monitor/documents.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

// The commands that only read.
void add_linux_commands(MonitorRegistry& registry, Inspected& guest, LinuxGuest& kernel);
// Chooses the address space of a process: `choose` takes a CR3, or nullopt for each vCPU's own, and returns false if no
// page table can be there.
using ChooseAddressSpace = std::function<Result<bool>(std::optional<std::uint64_t> cr3)>;
void add_process_commands(MonitorRegistry& registry, Inspected& guest, LinuxGuest& kernel,
                          ChooseAddressSpace choose);
// The same for a machine, and what only a machine can do: stop at a task switch.
void add_linux_machine_commands(MonitorRegistry& registry, Debugger& debugger, LinuxGuest& kernel,
                                TaskSwitchStop& stop);
// `info os tasks`.
void add_linux_document(DocumentStore& documents, LinuxGuest& kernel);

}  // namespace ringside::debug
