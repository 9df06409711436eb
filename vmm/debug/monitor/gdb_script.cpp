#include "vmm/debug/monitor/gdb_script.h"

#include <fmt/format.h>

#include "vmm/base/output_file.h"

namespace ringside::debug {

namespace {

// A Python string literal.
std::string python_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + '"';
}

Result<std::string> write_script(const MonitorRegistry& registry, std::string_view path) {
    const auto write = [&](std::ofstream& out) -> Result<void> {
        out << gdb_script(registry);
        return {};
    };
    TRY(replace_file(path, write));
    return fmt::format("Written. Now: source {}\n", path);
}

}  // namespace

std::string gdb_script(const MonitorRegistry& registry) {
    std::string rows;
    for (const MonitorCommand& command : registry.commands()) {
        rows += fmt::format("    ({}, {}, {}),\n", python_string(command.name),
                            python_string(command.arguments), python_string(command.help));
    }
    std::string text = kGdbScriptTemplate;
    constexpr std::string_view kPlace = "@COMMANDS@";
    return text.replace(text.find(kPlace), kPlace.size(), rows);
}

void add_gdb_script_command(MonitorRegistry& registry) {
    registry.add(
        {.name = "gdb-script",
         .arguments = "[FILE]",
         .help = "a gdb script: every command as a gdb command, relocation of Linux's symbols; write FILE, "
                 "then `source` it",
         .run = [&registry](auto, std::string_view file) -> Result<std::string> {
             return file.empty() ? gdb_script(registry) : write_script(registry, file);
         },
         .file_is_rest = true});
}

}  // namespace ringside::debug
