#include "gdbstub/osdata.h"

#include <algorithm>

#include <fmt/format.h>

#include "gdbstub/xml.h"

namespace ringside::gdbstub {

std::string osdata_document(std::string_view type, const std::vector<std::string>& columns,
                            const std::vector<std::vector<std::string>>& rows) {
    std::string xml = fmt::format(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"osdata.dtd\">\n<osdata type=\"{}\">\n",
        xml_escape(type));
    for (const auto& row : rows) {
        xml += "<item>";
        for (std::size_t i = 0; i < std::min(columns.size(), row.size()); ++i)
            xml += fmt::format("<column name=\"{}\">{}</column>", xml_escape(columns[i]), xml_escape(row[i]));
        xml += "</item>\n";
    }
    return xml + "</osdata>\n";
}

}  // namespace ringside::gdbstub
