#include "vmm/debug/monitor/monitor.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/debug/monitor/register_words.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\n");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

// Returns true if `line` begins with the words of `name`, and ends or has a space there.
bool begins_with_words(std::string_view line, std::string_view name) {
    return line.starts_with(name) && (line.size() == name.size() || line[name.size()] == ' ');
}

constexpr std::string_view kHelp = "help";

}  // namespace

std::string usage(const MonitorCommand& command) {
    std::string text = "Usage: monitor " + command.name;
    for (const std::string& part : {command.arguments, command.options})
        text += part.empty() ? "" : " " + part;
    return text;
}

MonitorRegistry::MonitorRegistry() {
    add({std::string(kHelp), "[COMMAND]", "this list, or one command's entry",
         [this](gdbstub::ThreadId, std::string_view topic) -> Result<std::string> {
             if (auto text = help(topic); !text.empty())
                 return text;
             return unknown(topic);
         }});
}

const MonitorCommand* MonitorRegistry::find(std::string_view line) const {
    const MonitorCommand* best = nullptr;
    for (const MonitorCommand& command : commands_) {
        if (begins_with_words(line, command.name) &&
            (best == nullptr || command.name.size() > best->name.size()))
            best = &command;
    }
    return best;
}

gdbstub::MonitorAnswer MonitorRegistry::run(gdbstub::ThreadId thread, std::string_view line) {
    line = trim(line);
    if (line.empty())
        line = kHelp;
    const auto answer = answer_to(thread, line);
    return answer ? gdbstub::MonitorAnswer{*answer}
                  : gdbstub::MonitorAnswer{answer.error().message() + "\n", true};
}

Result<std::string> MonitorRegistry::answer_to(gdbstub::ThreadId thread, std::string_view line) const {
    const MonitorCommand* command = find(line);
    if (command == nullptr)
        return unknown(line);
    const std::string_view rest = trim(line.substr(command->name.size()));
    if (!rest.empty() && command->arguments.empty() && command->options.empty())
        return failure("arguments",
                       fmt::format("\"{}\" is one too many", rest.substr(0, rest.find_first_of(" \t"))),
                       usage(*command));
    if (guest_ == nullptr || command->names_registers)
        return command->run(thread, rest);
    const std::string arguments = TRY(with_register_values(*guest_, vcpu_of(thread), rest));
    return command->run(thread, arguments);
}

// Lists the commands that begin with the same word: `inject` alone is a way to ask for them.
tl::unexpected<Error> MonitorRegistry::unknown(std::string_view line) const {
    const std::string_view family = line.substr(0, line.find_first_of(" \t"));
    const std::string listed = help(family);
    return failure(std::string(line), "there is no such monitor command",
                   listed.empty() ? "`monitor help` lists them"
                                  : fmt::format("Those that begin with \"{}\":\n{}", family, trim(listed)));
}

std::string MonitorRegistry::help(std::string_view topic) const {
    std::string text;
    std::size_t width = 0;
    for (const MonitorCommand& c : commands_)
        width = std::max(width, c.name.size() + 1 + c.arguments.size());
    for (const MonitorCommand& c : commands_) {
        if (topic.empty() || begins_with_words(c.name, topic))
            text += fmt::format("monitor {:<{}}  {}\n",
                                c.arguments.empty() ? c.name : c.name + " " + c.arguments, width, c.help);
    }
    return text;
}

}  // namespace ringside::debug
