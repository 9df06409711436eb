#include "vmm/exits/hardware/tracepoint_format.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "vmm/base/bytes.h"
#include "vmm/base/text.h"

namespace ringside::exits {
namespace {

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r";
    const std::size_t start = text.find_first_not_of(kBlank);
    if (start == std::string_view::npos)
        return {};
    return text.substr(start, text.find_last_not_of(kBlank) - start + 1);
}

// The text after `prefix`, if a line starts with it.
std::optional<std::string_view> after(std::string_view line, std::string_view prefix) {
    if (!line.starts_with(prefix))
        return std::nullopt;
    return trim(line.substr(prefix.size()));
}

std::optional<std::uint32_t> number32(std::string_view text) {
    const auto number = parse_number(trim(text));
    if (!number || *number > std::numeric_limits<std::uint32_t>::max())
        return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

// "field:unsigned int exit_reason;	offset:8;	size:4;	signed:0;"
std::optional<TracepointField> parse_field(std::string_view line) {
    TracepointField field;
    bool sized = false;
    while (!line.empty()) {
        const std::size_t end = std::min(line.find(';'), line.size());
        const std::string_view part = trim(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
        if (const auto declaration = after(part, "field:")) {
            const std::size_t name = declaration->find_last_of(" *");
            field.name = declaration->substr(name == std::string_view::npos ? 0 : name + 1);
        } else if (const auto offset = after(part, "offset:")) {
            field.offset = number32(*offset).value_or(std::numeric_limits<std::uint32_t>::max());
        } else if (const auto size = after(part, "size:")) {
            field.size = number32(*size).value_or(0);
            sized = true;
        }
    }
    if (field.name.empty() || !sized)
        return std::nullopt;
    return field;
}

// A table's keys are C expressions, but only of these kinds: "48", "0x72", "-1", "0x040 + 14".
std::optional<std::uint32_t> parse_key(std::string_view text) {
    std::uint32_t sum = 0;
    while (true) {
        const std::size_t plus = text.find('+');
        std::string_view term = trim(text.substr(0, plus));
        const bool negative = term.starts_with('-');
        const auto number = number32(negative ? term.substr(1) : term);
        if (!number)
            return std::nullopt;
        sum += negative ? 0 - *number : *number;
        if (plus == std::string_view::npos)
            return sum;
        text.remove_prefix(plus + 1);
    }
}

// One "{ key, "name" }" at the start of `text`, consumed.
bool take_symbol(std::string_view& text, std::map<std::uint32_t, std::string>& table) {
    const std::size_t open = text.find_first_not_of(" ,\t");
    if (open == std::string_view::npos || text[open] != '{')
        return false;
    const std::size_t comma = text.find(',', open);
    const std::size_t quote = text.find('"', open);
    const std::size_t close_quote = quote == std::string_view::npos ? quote : text.find('"', quote + 1);
    const std::size_t close =
        close_quote == std::string_view::npos ? close_quote : text.find('}', close_quote);
    if (close == std::string_view::npos || comma > quote)
        return false;
    if (const auto key = parse_key(text.substr(open + 1, comma - open - 1)))
        table.emplace(*key, text.substr(quote + 1, close_quote - quote - 1));
    text.remove_prefix(close + 1);
    return true;
}

std::vector<std::map<std::uint32_t, std::string>> parse_symbols(std::string_view print) {
    constexpr std::string_view kCall = "__print_symbolic(";
    std::vector<std::map<std::uint32_t, std::string>> tables;
    for (std::size_t at = print.find(kCall); at != std::string_view::npos; at = print.find(kCall)) {
        print.remove_prefix(at + kCall.size());
        std::map<std::uint32_t, std::string> table;
        std::string_view rest = print.substr(std::min(print.find(','), print.size()));
        while (take_symbol(rest, table)) {
        }
        tables.push_back(std::move(table));
    }
    return tables;
}

}  // namespace

const TracepointField* TracepointFormat::find(std::string_view field) const {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [field](const TracepointField& f) { return f.name == field; });
    return found == fields.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> TracepointFormat::read(std::span<const std::byte> record,
                                                    std::string_view field) const {
    const TracepointField* found = find(field);
    std::uint64_t value = 0;
    if (found == nullptr || found->size > sizeof value)
        return std::nullopt;
    const auto bytes = slice(record, found->offset, found->size);
    if (!bytes || bytes->empty())
        return std::nullopt;
    std::memcpy(&value, bytes->data(), bytes->size());
    return value;
}

// __data_loc: the low half says where the string begins, the high half how long it is, with its NUL.
std::optional<std::string> TracepointFormat::read_text(std::span<const std::byte> record,
                                                       std::string_view field) const {
    const auto place = read(record, field);
    const auto bytes = place ? slice(record, *place & 0xffff, *place >> 16 & 0xffff) : std::nullopt;
    if (!bytes)
        return std::nullopt;
    std::string text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    text.resize(std::min(text.find('\0'), text.size()));
    return text;
}

Result<TracepointFormat> parse_tracepoint_format(std::string_view text) {
    TracepointFormat format;
    std::optional<std::uint32_t> id;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (const auto name = after(line, "name:"))
            format.name = *name;
        else if (const auto number = after(line, "ID:"))
            id = number32(*number);
        else if (const auto print = after(line, "print fmt:"))
            format.symbols = parse_symbols(*print);
        else if (line.starts_with("field:"))
            if (auto field = parse_field(line))
                format.fields.push_back(std::move(*field));
    }
    if (format.name.empty() || !id || format.fields.empty())
        return failure("read tracepoint format", "it lacks a name, an ID or fields");
    format.id = *id;
    return format;
}

}  // namespace ringside::exits
