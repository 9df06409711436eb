#include <fmt/format.h>

#include "vmm/cli/manual/documents.h"

namespace ringside::cli {

namespace {

constexpr std::string_view kProgram = "ringside";
constexpr std::string_view kOptionsMark = "@OPTIONS@\n";

// Text as troff prints it: a hyphen that can be copied, and no line that begins with a control character.
std::string roff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
            out += std::string("\\&") + c;
        else
            out += c;
    }
    return out;
}

std::string names_with_value(const OptionDescription& option) {
    std::string out;
    for (const std::string& name : option.names)
        out += fmt::format("{}\\fB{}\\fR", out.empty() ? "" : ", ", roff(name));
    if (option.metavar.empty() || option.positional)
        return out;
    const std::string value = fmt::format("\\fI{}\\fR", roff(option.metavar));
    return out + (option.value_optional ? "[=" + value + "]" : " " + value);
}

std::string option_paragraph(const OptionDescription& option) {
    std::string text = option.help;
    if (!option.default_value.empty())
        text += fmt::format(" (default {})", option.default_value);
    return fmt::format(".TP\n{}\n{}\n", names_with_value(option), roff(text));
}

std::string options_section(const CommandDescription& command) {
    std::string arguments;
    std::string options;
    for (const OptionDescription& option : command.options)
        (option.positional ? arguments : options) += option_paragraph(option);
    if (!arguments.empty())
        arguments = ".SH ARGUMENTS\n" + arguments;
    return arguments + ".SH OPTIONS\n" + options;
}

std::string commands_section(const std::vector<CommandDescription>& commands) {
    std::string out = ".SH COMMANDS\n";
    for (const CommandDescription& command : commands) {
        if (command.name != kProgram)
            out += fmt::format(".TP\n\\fB{} {}\\fR\n{}; see\n.BR {} (1)\n", kProgram, roff(command.name),
                               roff(command.help), roff(page_name(command)));
    }
    return out;
}

std::string synopsis(const CommandDescription& command) {
    if (command.name == kProgram)
        return ".B ringside\n.I command\n.RI [ options ]\n.RI [ arguments ]\n";
    std::string out = fmt::format(".B ringside {}\n.RI [ options ]\n", roff(command.name));
    for (const OptionDescription& option : command.options) {
        if (option.positional)
            out += option.names.front() == "GDB-ARGS" ? ".RB [ \\-\\-\n.IR GDB\\-ARGS ]\n"
                                                      : fmt::format(".I {}\n", roff(option.names.front()));
    }
    return out;
}

std::string see_also(const CommandDescription& command, const std::vector<CommandDescription>& commands) {
    std::string out = ".SH SEE ALSO\n";
    for (const CommandDescription& other : commands) {
        if (other.name != command.name)
            out += fmt::format(".BR {} (1),\n", roff(page_name(other)));
    }
    return out + ".BR ringside\\-demo (1),\n.BR gdb (1)\n";
}

}  // namespace

std::string page_name(const CommandDescription& command) {
    return command.name == kProgram ? command.name : fmt::format("{}-{}", kProgram, command.name);
}

std::string man_page(const CommandDescription& command, const std::vector<CommandDescription>& commands,
                     std::string_view text) {
    std::string before;
    std::string after;
    if (const auto mark = text.find(kOptionsMark); mark != std::string_view::npos) {
        before = text.substr(0, mark);
        after = text.substr(mark + kOptionsMark.size());
    } else {
        before = text.empty() ? fmt::format(".SH DESCRIPTION\n{}.\n", roff(command.help)) : std::string(text);
    }
    std::string title = page_name(command);
    for (char& c : title)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    std::string out =
        fmt::format(".TH {} 1 \"\" \"Ringside " RINGSIDE_VERSION "\" \"Ringside\"\n", roff(title));
    out += fmt::format(".SH NAME\n{} \\- {}\n", roff(page_name(command)), roff(command.help));
    out += ".SH SYNOPSIS\n" + synopsis(command) + before;
    if (command.name == kProgram)
        out += commands_section(commands);
    return out + options_section(command) + after + see_also(command, commands);
}

}  // namespace ringside::cli
