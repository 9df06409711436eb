#include "vmm/debug/monitor/arguments.h"

#include <fmt/format.h>

#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

Result<Arguments> parse_arguments(std::string_view rest, VcpuIndex current, std::size_t vcpus,
                                  std::size_t most_words) {
    Arguments arguments;
    arguments.vcpu = current;
    const auto words = split_words(rest);
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--json") {
            arguments.json = true;
        } else if (words[i] == "vcpu") {
            const auto index = ++i < words.size() ? parse_number(words[i]) : std::nullopt;
            if (!index || *index >= vcpus)
                return failure("vcpu", fmt::format("a number from 0 to {} must follow", vcpus - 1));
            arguments.vcpu = VcpuIndex{static_cast<std::uint32_t>(*index)};
        } else if (arguments.words.size() == most_words) {
            return failure("arguments", fmt::format("\"{}\" is one too many", words[i]));
        } else {
            arguments.words.push_back(words[i]);
        }
    }
    return arguments;
}

void add_answering(MonitorRegistry& registry, Debugger& debugger, AnsweringCommand command) {
    const auto usage = fmt::format("Usage: monitor {}{}{} [vcpu N] [--json]\n", command.name,
                                   command.arguments.empty() ? "" : " ", command.arguments);
    auto run = [&debugger, usage, most_words = command.most_words, answer = std::move(command.run)](
                   gdbstub::ThreadId thread, std::string_view rest) {
        const auto arguments =
            parse_arguments(rest, vcpu_of(thread), debugger.machine().vcpu_count(), most_words);
        if (!arguments)
            return arguments.error().message() + ".\n" + usage;
        const auto result = answer(*arguments);
        if (!result)
            return result.error().message() + "\n";
        return arguments->json ? result->json() : result->text();
    };
    registry.add(
        {std::move(command.name), std::move(command.arguments), std::move(command.help), std::move(run)});
}

}  // namespace ringside::debug
