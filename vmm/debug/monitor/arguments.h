// What follows a monitor command's name: its words, "vcpu N" for another vCPU than the client's current one, and
// "--json" for an answer that scripts read.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "vmm/base/text.h"  // parse_number(), for what a word means
#include "vmm/debug/monitor/answer.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

struct Arguments {
    std::vector<std::string_view> words;
    VcpuIndex vcpu;
    bool json = false;
};

Result<Arguments> parse_arguments(std::string_view rest, VcpuIndex current, std::size_t vcpus,
                                  std::size_t most_words);

// A command whose answer has both forms. `most_words` is how many words it takes at most; the error of one too many
// names it.
struct AnsweringCommand {
    std::string name;
    std::string arguments;
    std::string help;
    std::size_t most_words = 0;
    std::function<Result<Answer>(const Arguments&)> run;
    bool names_registers = false;  // as MonitorCommand's
};
void add_answering(MonitorRegistry& registry, const Inspected& guest, AnsweringCommand command);

// A command that has text alone: a format that other tools define, or what it has done.
struct TextCommand {
    std::string name;
    std::string arguments;
    std::string help;
    std::size_t most_words = 0;
    std::function<Result<std::string>(const Arguments&)> run;
    bool names_registers = false;  // as MonitorCommand's
};
void add_text(MonitorRegistry& registry, const Inspected& guest, TextCommand command);

}  // namespace ringside::debug
