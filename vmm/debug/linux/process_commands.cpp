// `monitor linux` about one task: its files, its stack, and its address space for the debugger.
#include <fmt/format.h>

#include "arch/x86_64/cpu_mode.h"
#include "vmm/debug/linux/kernel/files.h"
#include "vmm/debug/linux/kernel/stack.h"
#include "vmm/debug/linux/linux_commands.h"
#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {

namespace {

Result<LinuxTask> named_task(const LinuxKernel& kernel, const Arguments& arguments, const char* command) {
    const auto pid = arguments.words.empty() ? std::nullopt : parse_number(arguments.words.front());
    if (!pid)
        return failure(command, "it needs a PID", "`monitor linux ps` lists them");
    return find_task(kernel, *pid);
}

void add_task(Answer& answer, const LinuxTask& task) {
    answer.value("pid", number(task.pid)).value("command", words(task.command));
}

std::string_view access(std::uint64_t flags) {
    constexpr std::string_view kModes[] = {"r", "w", "rw", "-"};  // O_ACCMODE
    return kModes[flags & 3];
}

Result<Answer> files(LinuxGuest& guest, const Arguments& arguments) {
    const LinuxKernel kernel = TRY(guest.kernel(arguments.vcpu));
    const LinuxTask task = TRY(named_task(kernel, arguments, "linux files"));
    const LinuxFiles found = TRY(read_files(kernel, task));
    std::vector<std::vector<Cell>> rows;
    for (const LinuxFile& file : found.files)
        rows.push_back({number(file.descriptor), words(access(file.flags)), number(file.position),
                        hex(file.structure), words(file.name)});
    Answer answer;
    add_task(answer, task);
    answer.table("files", {"fd", "access", "position", "file", "name"}, std::move(rows));
    return answer.note(found.incomplete);
}

// A task that runs is on the vCPU of its CPU's number.
struct TaskStart {
    std::optional<StackStart> stack;  // nothing: it is in user mode
    std::uint64_t rip = 0;
};
Result<TaskStart> task_start(LinuxGuest& guest, const LinuxKernel& kernel, const LinuxTask& task) {
    if (!task.runs)
        return TaskStart{TRY(switched_out(kernel, task)), 0};
    if (!task.cpu || *task.cpu >= guest.guest().vcpu_count())
        return failure("linux bt", fmt::format("PID {} runs on a CPU that is not a vCPU here", task.pid));
    const auto now = TRY(guest.guest().registers_now(VcpuIndex{static_cast<std::uint32_t>(*task.cpu)}));
    const auto& general = now.general;
    if (x86::privilege_level(general, now.system) != 0)
        return TaskStart{std::nullopt, general.rip};
    return TaskStart{StackStart{general.rip, general.rsp, general.rbp, true}, 0};
}

Result<Answer> bt(LinuxGuest& guest, const Arguments& arguments) {
    const LinuxKernel kernel = TRY(guest.kernel(arguments.vcpu));
    const LinuxTask task = TRY(named_task(kernel, arguments, "linux bt"));
    const TaskStart start = TRY(task_start(guest, kernel, task));
    Answer answer;
    add_task(answer, task);
    if (!start.stack)
        return answer.note(
            fmt::format("It runs in user mode, at 0x{:x}: its kernel stack is empty.", start.rip));
    const LinuxStack stack = TRY(unwind(kernel, *start.stack));
    std::vector<std::vector<Cell>> rows;
    for (const StackFrame& frame : stack.frames)
        rows.push_back({number(rows.size()), hex(frame.address), words(frame.place),
                        words(frame.interrupted ? "interrupted"
                              : frame.guessed   ? "guessed by its frame pointer"
                                                : "")});
    answer.table("frames", {"frame", "address", "place", "remark"}, std::move(rows));
    return answer.note(stack.end);
}

Result<Answer> process(LinuxGuest& guest, const ChooseAddressSpace& choose, const Arguments& arguments) {
    if (!arguments.words.empty() && arguments.words.front() == "off") {
        TRY(choose(std::nullopt));
        return Answer().note("User addresses refer to each vCPU's current address space.");
    }
    const LinuxKernel kernel = TRY(guest.kernel(arguments.vcpu));
    const LinuxTask task = TRY(named_task(kernel, arguments, "linux process"));
    if (!task.cr3)
        return failure("linux process",
                       fmt::format("PID {} ({}) does not have its own address space", task.pid, task.command),
                       "It is a kernel thread, or has ended");
    if (!TRY(choose(task.cr3)))
        return failure("linux process",
                       fmt::format("no page table can be at 0x{:x}: there is no memory", *task.cr3));
    Answer answer;
    add_task(answer, task);
    return answer.value("cr3", hex(*task.cr3))
        .note(
            "User addresses refer to this process: memory is accessed there, and breakpoints on them stop in "
            "no "
            "other. `monitor linux process off` ends that.");
}

}  // namespace

void add_process_commands(MonitorRegistry& registry, Inspected& guest, LinuxGuest& kernel,
                          ChooseAddressSpace choose) {
    add_answering(registry, guest,
                  {"linux files", "PID", "the files that a Linux process has open", 1,
                   [&](const Arguments& arguments) { return files(kernel, arguments); }});
    add_answering(registry, guest,
                  {"linux bt", "PID", "the stack of a Linux task in the kernel", 1,
                   [&](const Arguments& arguments) { return bt(kernel, arguments); }});
    add_answering(registry, guest,
                  {"linux process", "PID|off", "makes user addresses those of a Linux process", 1,
                   [&kernel, choose = std::move(choose)](const Arguments& arguments) {
                       return process(kernel, choose, arguments);
                   }});
}

}  // namespace ringside::debug
