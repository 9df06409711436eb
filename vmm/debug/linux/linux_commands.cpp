#include "vmm/debug/linux/linux_commands.h"

#include <fmt/format.h>

#include "vmm/debug/linux/kernel/log.h"
#include "vmm/debug/linux/kernel/modules.h"
#include "vmm/debug/linux/kernel/tasks.h"
#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {

namespace {

constexpr std::size_t kLongestBanner = 1024;

std::string without_line_end(std::string text) {
    text.erase(text.find_last_not_of('\n') + 1);
    return text;
}

Result<Answer> version(LinuxGuest& guest, const Arguments& arguments) {
    const LinuxKernel kernel = TRY(guest.kernel(arguments.vcpu));
    const auto banner = kernel.memory().text(TRY(kernel.symbol("linux_banner")), kLongestBanner);
    Answer answer;
    answer.value("release", words(printable(kernel.note("OSRELEASE").value_or("?"))))
        .value("version", words(banner ? printable(without_line_end(*banner)) : "cannot be read"))
        .value("first byte", hex(TRY(kernel.symbol("_stext"))))
        .value("moved by", words("0x" + printable(kernel.note("KERNELOFFSET").value_or("0"))))
        .value("symbols", number(kernel.symbols().size()))
        .value("types", number(kernel.btf() != nullptr ? kernel.btf()->size() : 0));
    if (kernel.btf() == nullptr)
        answer.note(kernel.no_btf() + ".");
    return answer;
}

Cell or_none(const std::optional<std::uint64_t>& value, Cell (*show)(std::uint64_t)) {
    return value ? show(*value) : Cell{nullptr, "-"};
}

Result<Answer> ps(LinuxGuest& guest, const Arguments& arguments) {
    const bool threads = !arguments.words.empty();
    if (threads && arguments.words.front() != "threads")
        return failure("linux ps", fmt::format("\"{}\" is not known", arguments.words.front()),
                       "`linux ps threads` shows every thread");
    const LinuxKernel kernel = TRY(guest.kernel(arguments.vcpu));
    const LinuxTasks found = TRY(read_tasks(kernel, threads));
    std::vector<std::vector<Cell>> rows;
    for (const LinuxTask& task : found.tasks)
        rows.push_back({number(task.pid), number(task.tgid), number(task.ppid),
                        words(std::string(1, task.state)), or_none(task.cpu, number),
                        flag(task.runs, "yes", ""), or_none(task.cr3, hex), hex(task.address),
                        words(task.command)});
    Answer answer;
    answer.table("tasks", {"pid", "tgid", "ppid", "state", "cpu", "runs", "cr3", "task", "command"},
                 std::move(rows));
    return answer.note(found.incomplete);
}

Result<Answer> dmesg(LinuxGuest& guest, const Arguments& arguments) {
    const LinuxKernel kernel = TRY(guest.kernel(arguments.vcpu));
    const KernelLog log = TRY(read_log(kernel));
    std::vector<std::vector<Cell>> rows;
    for (const LogRecord& record : log.records)
        rows.push_back({number(record.sequence), number(record.nanoseconds),
                        record.level ? number(*record.level) : Cell{nullptr, ""}, words(record.text)});
    Answer answer;
    answer.headline(without_line_end(log_text(log)))
        .records("records", {"sequence", "nanoseconds", "level", "text"}, std::move(rows));
    if (log.unreadable != 0)
        answer.note(fmt::format("{} records cannot be read.", log.unreadable));
    if (log.cut)
        answer.note("Not everything is shown.");
    return answer;
}

std::string joined(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ","));
}

JsonArray names(const std::vector<std::string>& all) {
    return {all.begin(), all.end()};
}

Result<Answer> modules(LinuxGuest& guest, const Arguments& arguments) {
    const LinuxKernel kernel = TRY(guest.kernel(arguments.vcpu));
    const LinuxModules found = TRY(read_modules(kernel));
    std::vector<std::vector<Cell>> rows;
    for (const LinuxModule& module : found.modules)
        rows.push_back({words(module.name),
                        number(module.size),
                        or_none(module.uses, number),
                        words(module.state),
                        hex(module.address),
                        hex(module.structure),
                        {names(module.used_by), joined(module.used_by)}});
    Answer answer;
    answer.table("modules", {"name", "size", "uses", "state", "address", "module", "used by"},
                 std::move(rows));
    return answer.note(found.incomplete);
}

// As lsmod writes it.
std::string lsmod_text(const LinuxModules& found) {
    std::string text = "Module                  Size  Used by";
    for (const LinuxModule& module : found.modules)
        text += fmt::format("\n{:<19} {:8}  {} {}", module.name, module.size,
                            module.uses ? fmt::to_string(*module.uses) : "-", joined(module.used_by));
    return text;
}

Result<Answer> lsmod(LinuxGuest& guest, const Arguments& arguments) {
    const LinuxKernel kernel = TRY(guest.kernel(arguments.vcpu));
    const LinuxModules found = TRY(read_modules(kernel));
    std::vector<std::vector<Cell>> rows;
    for (const LinuxModule& module : found.modules)
        rows.push_back({words(module.name),
                        number(module.size),
                        or_none(module.uses, number),
                        {names(module.used_by), ""}});
    Answer answer;
    answer.headline(lsmod_text(found))
        .records("modules", {"name", "size", "uses", "used by"}, std::move(rows));
    return answer.note(found.incomplete);
}

}  // namespace

void add_linux_commands(MonitorRegistry& registry, Inspected& guest, LinuxGuest& kernel) {
    add_answering(registry, guest,
                  {"linux version", "",
                   "the Linux kernel that the guest runs: release, address, number of symbols and types", 0,
                   [&](const Arguments& arguments) { return version(kernel, arguments); }});
    add_answering(registry, guest,
                  {"linux ps", "[threads]", "Linux's processes, or all of their threads", 1,
                   [&](const Arguments& arguments) { return ps(kernel, arguments); }});
    add_answering(registry, guest, {"linux dmesg", "", "Linux's log", 0, [&](const Arguments& arguments) {
                                        return dmesg(kernel, arguments);
                                    }});
    add_answering(registry, guest,
                  {"linux modules", "", "Linux's modules and their addresses", 0,
                   [&](const Arguments& arguments) { return modules(kernel, arguments); }});
    add_answering(registry, guest,
                  {"linux lsmod", "", "the same in the form of lsmod", 0,
                   [&](const Arguments& arguments) { return lsmod(kernel, arguments); }});
}

}  // namespace ringside::debug
