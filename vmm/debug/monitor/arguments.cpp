#include "vmm/debug/monitor/arguments.h"

#include <fmt/format.h>

#include <charconv>

#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        const auto start = text.find_first_not_of(" \t");
        if (start == std::string_view::npos)
            return words;
        text.remove_prefix(start);
        const auto end = std::min(text.find_first_of(" \t"), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
    const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
    if (is_hex)
        text.remove_prefix(2);
    std::uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, is_hex ? 16 : 10);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

Result<Arguments> parse_arguments(std::string_view rest, VcpuIndex current, std::size_t vcpus,
                                  std::size_t most_words) {
    Arguments arguments;
    arguments.vcpu = current;
    const auto words = split(rest);
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
