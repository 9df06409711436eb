#include <fmt/format.h>

#include "vmm/debug/linux/kernel/tasks.h"
#include "vmm/debug/linux/linux_commands.h"

namespace ringside::debug {

namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows task_rows(LinuxGuest& guest) {
    const auto kernel = guest.kernel(VcpuIndex{0});
    const auto found = kernel ? read_tasks(*kernel, true) : tl::unexpected(kernel.error());
    if (!found)
        return {{"", "", "", "", "", found.error().message()}};
    Rows rows;
    for (const LinuxTask& task : found->tasks)
        rows.push_back({fmt::to_string(task.pid), fmt::to_string(task.tgid), std::string(1, task.state),
                        task.cpu ? fmt::to_string(*task.cpu) : "",
                        task.cr3 ? fmt::format("0x{:x}", *task.cr3) : "", task.command});
    if (!found->incomplete.empty())
        rows.push_back({"", "", "", "", "", found->incomplete});
    return rows;
}

}  // namespace

void add_linux_document(DocumentStore& documents, LinuxGuest& kernel) {
    documents.add({"tasks",
                   "Tasks",
                   "every task of the Linux kernel that the guest runs",
                   {"pid", "tgid", "state", "cpu", "cr3", "command"},
                   [&kernel] { return task_rows(kernel); }});
}

}  // namespace ringside::debug
