#include "vmm/cli/lab_monitor.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "vmm/base/temporary_folder.h"
#include "vmm/base/text.h"
#include "vmm/debug/monitor/arguments.h"

namespace ringside::cli {

namespace {

namespace fs = std::filesystem;

// Which of a command's arguments is a file that it writes, counted from 0.
std::optional<std::size_t> file_position(const debug::MonitorCommand& command) {
    const auto declared = split_words(command.arguments);
    for (std::size_t i = 0; i < declared.size(); ++i) {
        if (declared[i] == "FILE" || declared[i] == "[FILE]")
            return i;
    }
    return std::nullopt;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
        text.replace(at, what.size(), by);
    return text;
}

gdbstub::MonitorAnswer refusal(const std::string& text) {
    return {text + "\n", true};
}

}  // namespace

std::string_view file_argument(const debug::MonitorCommand& command, std::string_view line) {
    constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
    const auto position = file_position(command);
    const auto given = debug::parse_arguments(line.substr(command.name.size()), VcpuIndex{0}, kAny, kAny);
    if (!position || !given || given->words.size() <= *position)
        return line.substr(line.size());
    const std::string_view file = given->words[*position];
    if (!command.file_is_rest)
        return file;
    const auto start = static_cast<std::size_t>(file.data() - line.data());
    return line.substr(start, line.find_last_not_of(" \t\n") + 1 - start);
}

gdbstub::MonitorAnswer LabMonitor::run(gdbstub::ThreadId thread, std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    const debug::MonitorCommand* command = registry_.find(line);
    if (command == nullptr)
        return registry_.run(thread, line);
    if (command->name == "gdbserver" && split_words(line).size() > 1)
        return refusal(
            "gdbserver: an endpoint in the lab's machine cannot be reached from outside. "
            "Give --gdb when the machine is started");
    const std::string_view file = file_argument(*command, line);
    return file.empty() ? registry_.run(thread, line) : run_with_file(thread, line, file);
}

gdbstub::MonitorAnswer LabMonitor::run_with_file(gdbstub::ThreadId thread, std::string_view line,
                                                 std::string_view file) {
    const std::string outside(debug::without_quotes(file));
    const auto folder = TemporaryFolder::create("/tmp");
    if (!folder)
        return refusal(folder.error().message());
    const std::string inside = (folder->path() / fs::path(outside).filename()).string();
    const auto start = static_cast<std::size_t>(file.data() - line.data());
    const std::string changed =
        fmt::format("{}{}{}", line.substr(0, start), inside, line.substr(start + file.size()));
    auto answer = registry_.run(thread, changed);
    answer.text = replaced(std::move(answer.text), inside, outside);
    if (answer.refused)
        return answer;
    std::error_code ignored;
    if (const auto sent = line_.send(inside, fs::absolute(outside, ignored)); !sent)
        return refusal(sent.error().message());
    return answer;
}

}  // namespace ringside::cli
