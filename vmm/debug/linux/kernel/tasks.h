// The tasks of a Linux kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/debug/linux/kernel/linux_kernel.h"

namespace ringside::debug {

struct LinuxTask {
    std::uint64_t address = 0;  // of its struct task_struct
    std::uint64_t pid = 0;      // of the thread
    std::uint64_t tgid = 0;     // of its process
    std::uint64_t ppid = 0;
    char state = '?';  // as in /proc/PID/stat
    std::optional<std::uint64_t> cpu;
    bool runs = false;                 // on that CPU
    std::optional<std::uint64_t> cr3;  // its page table's physical address; a kernel thread has none
    std::string command;
};

struct LinuxTasks {
    std::vector<LinuxTask> tasks;
    std::string incomplete;  // a sentence if there may be more, otherwise empty
};

// All processes in the kernel's order, without the idle tasks; with all their threads, or only the first of each.
Result<LinuxTasks> read_tasks(const LinuxKernel& kernel, bool threads);
// The task whose task_struct is at an address.
Result<LinuxTask> read_task(const LinuxKernel& kernel, std::uint64_t address);
// The thread of a PID; 0 is CPU 0's idle task.
Result<LinuxTask> find_task(const LinuxKernel& kernel, std::uint64_t pid);

}  // namespace ringside::debug
