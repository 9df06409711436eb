// A table as gdb's `info os` shows it (gdb manual, "Operating System Information").
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringside::gdbstub {

// The qXfer:osdata document of one table, escaped. A row that is shorter than `columns` leaves the rest out.
std::string osdata_document(std::string_view type, const std::vector<std::string>& columns,
                            const std::vector<std::vector<std::string>>& rows);

}  // namespace ringside::gdbstub
