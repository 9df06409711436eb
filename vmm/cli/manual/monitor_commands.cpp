#include <fmt/format.h>

#include <algorithm>

#include "vmm/cli/manual/documents.h"

namespace ringside::cli {

namespace {

// A cell of a Markdown table in man(7): `code` is bold, a [link](target) is its text, and "\\|" is a bar.
std::string roff_cell(std::string_view cell) {
    std::string out;
    bool code = false;
    for (std::size_t i = 0; i < cell.size(); ++i) {
        const char c = cell[i];
        if (c == '`') {
            out += code ? "\\fR" : "\\fB";
            code = !code;
        } else if (c == '\\' && cell.substr(i).starts_with("\\|")) {
            continue;
        } else if (c == '[' && !code) {
            continue;
        } else if (c == ']' && !code) {
            const auto end = cell.find(')', i);
            i = end == std::string_view::npos ? i : end;
        } else if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else {
            out += c;
        }
    }
    return out;
}

}  // namespace

std::string monitor_commands(std::string_view markdown) {
    constexpr std::string_view kBegin = "| `", kBetween = " | ", kEnd = " |";
    std::string out;
    while (!markdown.empty()) {
        const std::string_view line = markdown.substr(0, markdown.find('\n'));
        markdown.remove_prefix(std::min(markdown.size(), line.size() + 1));
        const auto between = line.find(kBetween, kBegin.size());
        if (!line.starts_with(kBegin) || !line.ends_with(kEnd) || between == std::string_view::npos)
            continue;
        const auto name = line.substr(2, between - 2);
        const auto help = line.substr(between + kBetween.size());
        out += fmt::format(".TP\n{}\n{}\n", roff_cell(name),
                           roff_cell(help.substr(0, help.size() - kEnd.size())));
    }
    return out;
}

}  // namespace ringside::cli
