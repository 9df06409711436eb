#include "vmm/debug/monitor/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include <nlohmann/json.hpp>

namespace ringside::debug {

namespace {

std::string key_of(std::string_view name) {
    std::string key(name);
    for (char& c : key)
        c = c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return key;
}

using Json = nlohmann::ordered_json;

struct ToJson {
    Json operator()(const JsonObject& object) const {
        Json json = Json::object();
        for (const auto& [key, scalar] : object)
            json[key] = std::visit(*this, scalar);
        return json;
    }
    Json operator()(const JsonArray& array) const {
        Json json = Json::array();
        for (const JsonScalar& scalar : array)
            json.push_back(std::visit(*this, scalar));
        return json;
    }
    Json operator()(const auto& other) const { return Json(other); }
};

Json to_json(const JsonValue& value) {
    return std::visit(ToJson{}, value);
}

std::string without_trailing_spaces(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

std::string table_text(const std::vector<std::string>& columns, const std::vector<std::vector<Cell>>& rows) {
    std::vector<std::size_t> widths;
    for (std::size_t c = 0; c < columns.size(); ++c) {
        std::size_t width = columns[c].size();
        for (const auto& row : rows)
            width = std::max(width, row.at(c).text.size());
        widths.push_back(width);
    }
    std::string text, line;
    for (std::size_t c = 0; c < columns.size(); ++c)
        line += fmt::format("  {:<{}}", columns[c], widths[c]);
    text = without_trailing_spaces(line) + "\n";
    for (const auto& row : rows) {
        line.clear();
        for (std::size_t c = 0; c < columns.size(); ++c)
            line += fmt::format("  {:<{}}", row[c].text, widths[c]);
        text += without_trailing_spaces(line) + "\n";
    }
    return text;
}

}  // namespace

Cell hex(std::uint64_t value) {
    return {value, fmt::format("0x{:x}", value)};
}

Cell number(std::uint64_t value) {
    return {value, std::to_string(value)};
}

Cell words(std::string_view text) {
    return {std::string(text), std::string(text)};
}

Cell flag(bool value, std::string_view if_true, std::string_view if_false) {
    return {value, std::string(value ? if_true : if_false)};
}

Answer& Answer::headline(std::string text) {
    items_.push_back({Item::Kind::Headline, std::move(text), {}, {}, {}});
    return *this;
}

Answer& Answer::value(std::string name, Cell cell) {
    items_.push_back({Item::Kind::Value, std::move(name), std::move(cell), {}, {}});
    return *this;
}

Answer& Answer::table(std::string name, std::vector<std::string> columns,
                      std::vector<std::vector<Cell>> rows) {
    items_.push_back({Item::Kind::Table, std::move(name), {}, std::move(columns), std::move(rows)});
    return *this;
}

Answer& Answer::records(std::string name, std::vector<std::string> columns,
                        std::vector<std::vector<Cell>> rows) {
    items_.push_back({Item::Kind::Records, std::move(name), {}, std::move(columns), std::move(rows)});
    return *this;
}

Answer& Answer::note(std::string sentence) {
    if (!sentence.empty())
        items_.push_back({Item::Kind::Note, std::move(sentence), {}, {}, {}});
    return *this;
}

std::string Answer::text() const {
    std::size_t width = 0;
    for (const Item& item : items_) {
        if (item.kind == Item::Kind::Value)
            width = std::max(width, item.name.size());
    }
    std::string text;
    for (const Item& item : items_) {
        switch (item.kind) {
            case Item::Kind::Headline:
            case Item::Kind::Note:
                text += item.name + "\n";
                break;
            case Item::Kind::Value:
                text +=
                    without_trailing_spaces(fmt::format("  {:<{}}  {}", item.name, width, item.cell.text)) +
                    "\n";
                break;
            case Item::Kind::Table:
                text += item.rows.empty() ? fmt::format("{}: none\n", item.name)
                                          : item.name + ":\n" + table_text(item.columns, item.rows);
                break;
            case Item::Kind::Records:
                break;
        }
    }
    return text;
}

std::string Answer::json() const {
    auto object = Json::object();
    for (const Item& item : items_) {
        if (item.kind == Item::Kind::Value)
            object[key_of(item.name)] = to_json(item.cell.raw);
        if (item.kind == Item::Kind::Note)
            object["notes"].push_back(item.name);
        if (item.kind != Item::Kind::Table && item.kind != Item::Kind::Records)
            continue;
        auto& array = object[key_of(item.name)] = Json::array();
        for (const auto& row : item.rows) {
            auto entry = Json::object();
            for (std::size_t c = 0; c < item.columns.size(); ++c)
                entry[key_of(item.columns[c])] = to_json(row.at(c).raw);
            array.push_back(std::move(entry));
        }
    }
    // Names that a guest made up may not be UTF-8.
    return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ringside::debug
