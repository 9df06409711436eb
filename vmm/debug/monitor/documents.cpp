#include "vmm/debug/monitor/documents.h"

#include <algorithm>

#include "gdbstub/osdata.h"

namespace ringside::debug {

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
    return gdbstub::osdata_document(it->name, it->columns, it->rows());
}

// What plain `info os` shows.
std::string DocumentStore::index() const {
    std::vector<std::vector<std::string>> rows;
    for (const OsTable& table : tables_)
        rows.push_back({table.name, table.description, table.title});
    return gdbstub::osdata_document("types", {"Type", "Description", "Title"}, rows);
}

}  // namespace ringside::debug
