// The description of the command line, for everything that shows it: the manual and the shells' completion.
//
// Its source is the tree with which CLI11 parses and prints --help.
#pragma once

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace ringside::cli {

struct OptionDescription {
    std::vector<std::string> names;  // "-m" and "--memory"; the placeholder of a positional argument
    std::string metavar;             // "SIZE", "pause|resume|quit", "file:PATH|none"; empty for a flag
    std::string help;
    std::string default_value;
    bool positional = false;
    bool value_optional = false;
};

struct CommandDescription {
    std::string name;
    std::string help;
    std::vector<OptionDescription> options;
};

CommandDescription describe(const CLI::App& app);

// The program itself and then each command.
std::vector<CommandDescription> describe_command_line();

// One of the forms of a value: a word, after which a file's name, something else or nothing follows.
struct ValueForm {
    std::string word;  // "none", "file:"; empty for a bare FILE
    bool file = false;
};
// The forms in a metavar that can be completed in part: none in "SIZE". Placeholders are upper-case.
std::vector<ValueForm> value_forms(const std::string& metavar);

}  // namespace ringside::cli
