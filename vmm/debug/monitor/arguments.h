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
    bool names_vcpu = false;
    bool json = false;
};

Result<Arguments> parse_arguments(std::string_view rest, VcpuIndex current, std::size_t vcpus,
                                  std::size_t most_words);

// A file's name may be quoted, as QEMU's monitor wants it.
inline std::string_view without_quotes(std::string_view word) {
    const bool quoted = word.size() >= 2 && word.front() == '"' && word.back() == '"';
    return quoted ? word.substr(1, word.size() - 2) : word;
}

// What a command is about. One that is about the machine refuses "vcpu N"; one whose arguments may name registers
// does not, because they are those of a vCPU.
enum class Subject : std::uint8_t { Vcpu, Machine };

template <typename Produced>
struct WordsCommand {
    std::string name;
    std::string arguments;
    std::string help;
    std::size_t most_words = 0;  // an error names the first word beyond them
    std::function<Result<Produced>(const Arguments&)> run;
    bool names_registers = false;  // as MonitorCommand's
};

// A command whose answer has both forms.
using AnsweringCommand = WordsCommand<Answer>;
void add_answering(MonitorRegistry& registry, const Inspected& guest, AnsweringCommand command,
                   Subject subject = Subject::Vcpu);

// A command with only text: in a format that other tools define, or a report of what it has done.
using TextCommand = WordsCommand<std::string>;
void add_text(MonitorRegistry& registry, const Inspected& guest, TextCommand command,
              Subject subject = Subject::Vcpu);

}  // namespace ringside::debug
