#include <fmt/format.h>

#include "vmm/cli/manual/documents.h"

namespace ringside::cli {

namespace {

// What does not depend on the options. In bash a colon separates words, unless -n says otherwise.
constexpr std::string_view kBashHead =
    R"bash(# bash completion for ringside. Made from the program's own description of its options.

# Completes a value that is one of the words in "$@"; after a word that ends with a colon, a file's name.
_ringside_words() {
    local word
    for word; do
        if [[ $word == *: && $cur == "$word"* ]]; then
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -P "$word" -f -- "${cur#"$word"}")
            __ltrim_colon_completions "$cur"
            return
        fi
    done
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
    [[ ${COMPREPLY[0]-} != *: ]] || compopt -o nospace
    __ltrim_colon_completions "$cur"
}

)bash";

constexpr std::string_view kBashTail = R"bash(
_ringside() {
    local cur prev words cword split
    _init_completion -s -n : || return
    local command=ringside position=0 i
    for ((i = 1; i < cword; ++i)); do
        [[ ${words[i]} != -- ]] || return 0
        if [[ ${words[i]} == -* ]]; then
            _ringside_takes_value "$command" "${words[i]}" && ((++i))
        elif [[ $command == ringside ]]; then
            command=${words[i]}
        else
            ((++position))
        fi
    done
    _ringside_value "$command" "$prev" && return
    $split && return
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_ringside_options "$command")" -- "$cur")
    elif [[ $command == ringside ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
    else
        _ringside_argument "$command" "$position"
    fi
}

complete -F _ringside ringside
)bash";

std::string completer(const OptionDescription& option) {
    const std::vector<ValueForm> forms = value_forms(option.metavar);
    if (forms.empty())
        return ":";
    if (forms.size() == 1 && forms[0].word.empty())
        return "_filedir";
    std::string out = "_ringside_words";
    for (const ValueForm& form : forms) {
        if (!form.word.empty())
            out += " " + form.word;
    }
    return out;
}

// "'run -m' | 'run --memory'"
std::string patterns(const CommandDescription& command, const OptionDescription& option) {
    std::string out;
    for (const std::string& name : option.names)
        out += fmt::format("{}'{} {}'", out.empty() ? "" : " | ", command.name, name);
    return out;
}

std::string one_case(const std::string& pattern, const std::string& action) {
    return fmt::format("        {}) {} ;;\n", pattern, action);
}

std::string function(std::string_view name, std::string_view subject, const std::string& cases,
                     std::string_view otherwise) {
    return fmt::format("{}() {{\n    case {} in\n{}        *) {} ;;\n    esac\n}}\n\n", name, subject, cases,
                       otherwise);
}

}  // namespace

std::string bash_completion(const std::vector<CommandDescription>& commands) {
    std::string names;
    std::string options;
    std::string values;
    std::string with_value;
    std::string arguments;
    for (const CommandDescription& command : commands) {
        std::string words;
        int position = 0;
        for (const OptionDescription& option : command.options) {
            if (option.positional) {
                arguments += one_case(fmt::format("'{} {}'", command.name, position++), completer(option));
                continue;
            }
            for (const std::string& name : option.names)
                words += " " + name;
            if (option.metavar.empty())
                continue;
            // A value that may be omitted is completed only after "=".
            const std::string condition = option.value_optional ? "$split && " : "";
            values += one_case(patterns(command, option), condition + completer(option));
            if (!option.value_optional)
                with_value += one_case(patterns(command, option), "return 0");
        }
        options += one_case(command.name, "echo" + words);
        names += &command == &commands.front() ? "" : " " + command.name;
    }
    std::string tail(kBashTail);
    const std::string_view placeholder = "$commands";
    tail.replace(tail.find(placeholder), placeholder.size(), names.substr(1));
    return std::string(kBashHead) + function("_ringside_options", "$1", options, "return 1") +
           function("_ringside_takes_value", "\"$1 $2\"", with_value, "return 1") +
           "# Completes the value of option $2; fails if it takes none.\n" +
           function("_ringside_value", "\"$1 $2\"", values, "return 1") +
           function("_ringside_argument", "\"$1 $2\"", arguments, ":") + tail.substr(1);
}

}  // namespace ringside::cli
