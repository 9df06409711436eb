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
            arguments.names_vcpu = true;
        } else if (arguments.words.size() == most_words) {
            return failure("arguments", fmt::format("\"{}\" is one too many", words[i]));
        } else {
            arguments.words.push_back(words[i]);
        }
    }
    return arguments;
}

namespace {

// What both kinds of command do with their arguments. `show` makes the answer's text.
template <typename Produced, typename Show>
void add_command(MonitorRegistry& registry, const Inspected& guest, WordsCommand<Produced> command,
                 Subject subject, std::string options, Show show) {
    MonitorCommand made{std::move(command.name), std::move(command.arguments),
                        std::move(command.help), {},
                        command.names_registers, std::move(options)};
    made.run = [&guest, subject, show, advice = usage(made), most_words = command.most_words,
                answer = std::move(command.run)](gdbstub::ThreadId thread,
                                                 std::string_view rest) -> Result<std::string> {
        auto arguments = parse_arguments(rest, vcpu_of(thread), guest.vcpu_count(), most_words);
        if (arguments && subject == Subject::Machine && arguments->names_vcpu)
            arguments = failure("vcpu", "this command is about the machine, not about one vCPU");
        if (!arguments) {
            arguments.error().advice = advice;
            return tl::unexpected(arguments.error());
        }
        const Produced produced = TRY(answer(*arguments));
        return show(produced, *arguments);
    };
    registry.add(std::move(made));
}

}  // namespace

void add_answering(MonitorRegistry& registry, const Inspected& guest, AnsweringCommand command,
                   Subject subject) {
    add_command(registry, guest, std::move(command), subject,
                subject == Subject::Vcpu ? "[vcpu N] [--json]" : "[--json]",
                [](const Answer& answer, const Arguments& arguments) {
                    return arguments.json ? answer.json() : answer.text();
                });
}

void add_text(MonitorRegistry& registry, const Inspected& guest, TextCommand command, Subject subject) {
    // Before anything is done.
    command.run = [name = command.name, run = std::move(command.run)](const Arguments& arguments) {
        return arguments.json ? failure(name, "this command has no JSON form") : run(arguments);
    };
    add_command(registry, guest, std::move(command), subject, subject == Subject::Vcpu ? "[vcpu N]" : "",
                [](const std::string& text, const Arguments&) { return text; });
}

}  // namespace ringside::debug
