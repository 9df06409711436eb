#include "vmm/debug/monitor/monitor.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/debug/monitor/register_words.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Returns true if `line` begins with the words of `name`, and ends or has a space there.
bool begins_with_words(std::string_view line, std::string_view name) {
    return line.starts_with(name) && (line.size() == name.size() || line[name.size()] == ' ');
}

}  // namespace

MonitorRegistry::MonitorRegistry() {
    add({"help", "[COMMAND]", "this list, or one command's entry",
         [this](gdbstub::ThreadId, std::string_view topic) { return help(topic); }});
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

std::string MonitorRegistry::run(gdbstub::ThreadId thread, std::string_view line) {
    line = trim(line);
    if (line.empty())
        return help({});
    const MonitorCommand* command = find(line);
    if (command == nullptr)
        return unknown(line);
    const std::string_view rest = trim(line.substr(command->name.size()));
    if (!rest.empty() && command->arguments.empty() && command->options.empty())
        return fmt::format("arguments: \"{}\" is one too many.\nUsage: monitor {}\n",
                           rest.substr(0, rest.find_first_of(" \t")), command->name);
    if (guest_ == nullptr || command->names_registers)
        return command->run(thread, rest);
    const auto arguments = with_register_values(*guest_, vcpu_of(thread), rest);
    return arguments ? command->run(thread, *arguments) : arguments.error().message() + "\n";
}

// Lists the commands that begin with the same word: `inject` alone is a way to ask for them.
std::string MonitorRegistry::unknown(std::string_view line) const {
    const std::string_view family = line.substr(0, line.find_first_of(" \t"));
    const bool has_commands =
        std::ranges::any_of(commands_, [&](const auto& c) { return begins_with_words(c.name, family); });
    if (!has_commands)
        return fmt::format("There is no monitor command \"{}\". `monitor help` lists them.\n", line);
    return fmt::format("There is no monitor command \"{}\". Those that begin with \"{}\":\n{}", line, family,
                       help(family));
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
    return text.empty() ? unknown(topic) : text;
}

}  // namespace ringside::debug
