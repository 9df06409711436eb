#include "vmm/exits/report/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringside::exits {
namespace {

// 0 for a column that holds nothing in any row: it is left out of the text.
std::vector<std::size_t> column_widths(const Table& table) {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        std::size_t width = 0;
        for (const auto& row : table.rows)
            width = std::max(width, row[i].size());
        widths.push_back(width == 0 ? 0 : std::max(width, table.columns[i].name.size()));
    }
    return widths;
}

void append_cell(std::string& line, const std::string& text, std::size_t width, Align align) {
    if (align == Align::Right)
        fmt::format_to(std::back_inserter(line), "{:>{}}", text, width);
    else
        fmt::format_to(std::back_inserter(line), "{:<{}}", text, width);
}

std::string join_cells(const Table& table, const std::vector<std::size_t>& widths, const auto& cell) {
    constexpr std::string_view kGap = "  ";
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        if (widths[i] == 0)
            continue;
        if (!line.empty())
            line += kGap;
        append_cell(line, cell(i), widths[i], table.columns[i].align);
    }
    return line;
}

void append_line(std::string& out, std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
}

}  // namespace

std::string to_text(const Table& table) {
    std::string out;
    if (!table.title.empty())
        append_line(out, table.title);
    if (table.rows.empty() && !table.columns.empty())
        append_line(out, "(none)");
    if (!table.rows.empty()) {
        const std::vector<std::size_t> widths = column_widths(table);
        append_line(out, join_cells(table, widths, [&](std::size_t i) { return table.columns[i].name; }));
        for (const auto& row : table.rows)
            append_line(out, join_cells(table, widths, [&](std::size_t i) { return row[i]; }));
    }
    for (const std::string& note : table.notes)
        append_line(out, note);
    return out;
}

std::string csv_field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos)
        return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"')
            quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

std::string to_csv(const Table& table) {
    std::string out;
    for (std::size_t i = 0; i < table.columns.size(); ++i)
        out += (i == 0 ? "" : ",") + csv_field(table.columns[i].name);
    out += "\r\n";
    for (const auto& row : table.rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            out += (i == 0 ? "" : ",") + csv_field(row[i]);
        out += "\r\n";
    }
    return out;
}

}  // namespace ringside::exits
