// A table as a value, which can be shown as aligned text, as CSV, or natively by gdb (`info os`).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::exits {

enum class Align : std::uint8_t { Left, Right };

struct Column {
    std::string name;
    Align align = Align::Left;
};

struct Table {
    std::string title;                           // one line, or empty
    std::vector<Column> columns;                 // none for a table that has only notes
    std::vector<std::vector<std::string>> rows;  // each as long as `columns`
    std::vector<std::string> notes;              // one line each
};

// Title, header, rows in aligned columns, and notes. A table without rows says so. Empty columns are left
// out.
std::string to_text(const Table& table);

// RFC 4180: header and rows only, fields quoted where they must be.
std::string to_csv(const Table& table);

// A field as RFC 4180 has it: quoted where it holds a comma, a quote or a line break.
std::string csv_field(std::string_view text);

}  // namespace ringside::exits
