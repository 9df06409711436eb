// The text after a monitor command's name: its words, "vcpu N" for a vCPU other than the client's current one, and
// "--json" for an answer for scripts.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "vmm/base/text.h"  // parse_number(), for the meaning of a word
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

// A command whose answer has both forms. `most_words` is its maximum number of words; the error for one too many
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

// A command with only text: in a format that other tools define, or a report of what it has done.
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
