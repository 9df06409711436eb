#include "vmm/debug/linux/kernel/tasks.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "vmm/debug/linux/kernel/kernel_list.h"

namespace ringside::debug {

namespace {

constexpr std::size_t kMostTasks = 100'000;
constexpr std::size_t kLongestCommand = 16;  // TASK_COMM_LEN
// include/linux/sched.h
constexpr std::uint64_t kReported = 0x7f;         // TASK_REPORT
constexpr std::uint64_t kIdle = 0x402;            // TASK_IDLE
constexpr std::uint64_t kWaitsForLock = 0x1000;   // TASK_RTLOCK_WAIT
constexpr std::uint64_t kUninterruptible = 0x02;  // TASK_UNINTERRUPTIBLE

// Where the members of task_struct are. Some have changed their names.
struct TaskLayout {
    Field tasks, pid, tgid, parent, command, mm, signal, thread_node, thread_head, pgd, state, exit_state;
    std::optional<Field> cpu, on_cpu;
};

Result<TaskLayout> task_layout(const LinuxKernel& kernel) {
    const auto first_of = [&](std::string_view one, std::string_view other) {
        const auto found = kernel.optional_field("task_struct", one);
        return found ? Result<Field>(*found) : kernel.field("task_struct", other);
    };
    TaskLayout layout;
    layout.tasks = TRY(kernel.field("task_struct", "tasks"));
    layout.pid = TRY(kernel.field("task_struct", "pid"));
    layout.tgid = TRY(kernel.field("task_struct", "tgid"));
    layout.parent = TRY(kernel.field("task_struct", "real_parent"));
    layout.command = TRY(kernel.field("task_struct", "comm"));
    layout.mm = TRY(kernel.field("task_struct", "mm"));
    layout.signal = TRY(kernel.field("task_struct", "signal"));
    layout.thread_node = TRY(kernel.field("task_struct", "thread_node"));
    layout.thread_head = TRY(kernel.field("signal_struct", "thread_head"));
    layout.pgd = TRY(kernel.field("mm_struct", "pgd"));
    layout.state = TRY(first_of("__state", "state"));
    layout.exit_state = TRY(kernel.field("task_struct", "exit_state"));
    layout.cpu = kernel.optional_field("task_struct", "thread_info.cpu");
    if (!layout.cpu)
        layout.cpu = kernel.optional_field("task_struct", "cpu");
    layout.on_cpu = kernel.optional_field("task_struct", "on_cpu");
    return layout;
}

// As task_state_to_char() and task_state_index() of the kernel.
char state_letter(std::uint64_t state, std::uint64_t exit_state) {
    if ((state & kIdle) == kIdle)
        return 'I';
    if ((state & kWaitsForLock) != 0)
        state |= kUninterruptible;
    constexpr std::string_view kLetters = "RSDTtXZP";
    return kLetters[static_cast<std::size_t>(std::bit_width((state | exit_state) & kReported))];
}

Result<LinuxTask> read_task(const LinuxKernel& kernel, const TaskLayout& layout, std::uint64_t address) {
    LinuxTask task;
    task.address = address;
    task.pid = TRY(kernel.number(address, layout.pid));
    task.tgid = TRY(kernel.number(address, layout.tgid));
    const std::uint64_t parent = TRY(kernel.number(address, layout.parent));
    if (parent != 0)
        task.ppid = TRY(kernel.number(parent, layout.tgid));
    const std::uint64_t state = TRY(kernel.number(address, layout.state));
    task.state = state_letter(state, TRY(kernel.number(address, layout.exit_state)));
    if (layout.cpu)
        task.cpu = TRY(kernel.number(address, *layout.cpu));
    if (layout.on_cpu)
        task.runs = TRY(kernel.number(address, *layout.on_cpu)) != 0;
    const std::uint64_t mm = TRY(kernel.number(address, layout.mm));
    if (mm != 0)
        task.cr3 = kernel.memory().physical(TRY(kernel.number(mm, layout.pgd)));
    task.command =
        printable(kernel.memory().text(address + layout.command.offset, kLongestCommand).value_or("?"));
    return task;
}

}  // namespace

Result<LinuxTasks> read_tasks(const LinuxKernel& kernel, bool threads) {
    const TaskLayout layout = TRY(task_layout(kernel));
    const std::uint64_t first = TRY(kernel.symbol("init_task"));
    const KernelList leaders =
        read_list(kernel, first + layout.tasks.offset, layout.tasks.offset, kMostTasks);
    LinuxTasks found{{}, leaders.incomplete};
    const auto add = [&](std::uint64_t address) {
        auto task = read_task(kernel, layout, address);
        if (task)
            found.tasks.push_back(*std::move(task));
        else
            found.incomplete = fmt::format("The task at 0x{:x} cannot be read.", address);
    };
    std::size_t left = kMostTasks;  // also of those that cannot be read
    for (const std::uint64_t leader : leaders.entries) {
        const auto signal = threads ? kernel.number(leader, layout.signal) : Result<std::uint64_t>(0);
        if (!signal || *signal == 0) {
            add(leader);
            continue;
        }
        const KernelList members =
            read_list(kernel, *signal + layout.thread_head.offset, layout.thread_node.offset, left);
        left -= members.entries.size();
        std::ranges::for_each(members.entries, add);
        if (!members.incomplete.empty())
            found.incomplete = members.incomplete;
    }
    return found;
}

Result<LinuxTask> read_task(const LinuxKernel& kernel, std::uint64_t address) {
    return read_task(kernel, TRY(task_layout(kernel)), address);
}

Result<LinuxTask> find_task(const LinuxKernel& kernel, std::uint64_t pid) {
    if (pid == 0)
        return read_task(kernel, TRY(kernel.symbol("init_task")));
    LinuxTasks all = TRY(read_tasks(kernel, true));
    const auto it = std::ranges::find(all.tasks, pid, &LinuxTask::pid);
    if (it != all.tasks.end())
        return std::move(*it);
    return failure(fmt::format("find the task of PID {}", pid), "there is none", all.incomplete);
}

}  // namespace ringside::debug
