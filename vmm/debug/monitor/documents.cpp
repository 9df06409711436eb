#include "vmm/debug/monitor/documents.h"

#include <algorithm>

namespace ringside::debug {

namespace {

std::string escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

}  // namespace

std::string osdata(std::string_view type, const std::vector<std::string>& columns,
                   const std::vector<std::vector<std::string>>& rows) {
    std::string text = "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"osdata.dtd\">\n<osdata type=\"" +
                       escape(type) + "\">\n";
    for (const auto& row : rows) {
        text += "<item>";
        for (std::size_t i = 0; i < columns.size() && i < row.size(); ++i)
            text += "<column name=\"" + escape(columns[i]) + "\">" + escape(row[i]) + "</column>";
        text += "</item>\n";
    }
    return text + "</osdata>\n";
}

std::vector<std::string> DocumentStore::objects() const {
    return {"features", "osdata"};
}

std::optional<std::string> DocumentStore::document(std::string_view object, std::string_view annex) {
    if (object == "features") {
        if (annex == "target.xml")
            return target_description_;
        return std::nullopt;
    }
    if (annex.empty())
        return index();
    const auto it = std::ranges::find_if(tables_, [&](const OsTable& t) { return t.name == annex; });
    if (it == tables_.end())
        return std::nullopt;
    return osdata(it->name, it->columns, it->rows());
}

// What plain `info os` shows.
std::string DocumentStore::index() const {
    std::vector<std::vector<std::string>> rows;
    for (const OsTable& table : tables_)
        rows.push_back({table.name, table.description, table.title});
    return osdata("types", {"Type", "Description", "Title"}, rows);
}

}  // namespace ringside::debug
