#include <fmt/format.h>

#include "vmm/cli/manual/documents.h"

namespace ringside::cli {

namespace {

constexpr std::string_view kZshHead = R"zsh(#compdef ringside
# zsh completion for ringside. Made from the program's own description of its options.

# Completes one of the words in "$@"; after a word that ends with a colon, a file's name.
_ringside_words() {
    local word
    for word in "$@"; do
        if [[ $word == *: && $PREFIX == $word* ]]; then
            compset -P "$word"
            _files
            return
        fi
    done
    compadd -S '' -- ${(M)@:#*:}
    compadd -- ${@:#*:}
}

)zsh";

// Text inside single quotes and between the brackets and colons of an _arguments specification.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else if (c == '[' || c == ']' || c == ':' || c == '\\')
            out += std::string("\\") + c;
        else
            out += c;
    }
    return out;
}

// ":SIZE: " or ":FILE:_files"
std::string message_and_action(const OptionDescription& option, const std::string& message) {
    const std::vector<ValueForm> forms = value_forms(option.metavar);
    std::string action;
    if (forms.size() == 1 && forms[0].word.empty()) {
        action = "_files";
    } else if (!forms.empty()) {
        action = " _ringside_words";
        for (const ValueForm& form : forms)
            action += form.word.empty() ? "" : " " + escaped(form.word);
    }
    return fmt::format(":{}:{}", escaped(message), action.empty() ? " " : action);
}

std::string specification(const OptionDescription& option, int position) {
    if (option.positional)
        return fmt::format("'{}{}'", position == 0 ? "1" : "*",
                           message_and_action(option, option.names.front()));
    const std::string value = option.metavar.empty() ? "" : message_and_action(option, option.metavar);
    std::string all;
    std::string each;
    for (const std::string& name : option.names) {
        // "=" after the name: the value follows it or is the next word; "=-": only after "=".
        const bool long_name = name.starts_with("--");
        const char* equals = value.empty() || !long_name ? "" : option.value_optional ? "=-" : "=";
        all += (all.empty() ? "" : " ") + name;
        each += fmt::format("{}'{}{}'", each.empty() ? "" : ",", name, equals);
    }
    const std::string braces = option.names.size() > 1 ? "{" + each + "}" : each;
    return fmt::format("'*'{}'[{}]{}'", braces, escaped(option.help),
                       (option.value_optional && !value.empty() ? ":" : "") + value);
}

std::string arguments_call(const CommandDescription& command) {
    std::string out = fmt::format("        {})\n            _arguments -s -S", command.name);
    int position = 0;
    for (const OptionDescription& option : command.options) {
        out += " \\\n                " + specification(option, position);
        position += option.positional ? 1 : 0;
    }
    return out + "\n            ;;\n";
}

}  // namespace

std::string zsh_completion(const std::vector<CommandDescription>& commands) {
    std::string out(kZshHead);
    out += "_ringside_command() {\n    case $1 in\n";
    std::string described;
    for (const CommandDescription& command : commands) {
        if (&command == &commands.front())
            continue;
        out += arguments_call(command);
        described += fmt::format("            '{}:{}'\n", command.name, escaped(command.help));
    }
    out += "    esac\n}\n\n";
    out +=
        "_ringside() {\n    local context state state_descr line\n    typeset -A opt_args\n    _arguments -C";
    for (const OptionDescription& option : commands.front().options)
        out += " \\\n        " + specification(option, 0);
    out +=
        " \\\n        '1:command:->command' '*::argument:->argument'\n    case $state in\n        command)\n";
    out += "            local -a commands=(\n" + described + "            )\n";
    out += "            _describe command commands\n            ;;\n";
    out += "        argument)\n            _ringside_command $words[1]\n            ;;\n    esac\n}\n\n";
    return out + "_ringside \"$@\"\n";
}

}  // namespace ringside::cli
