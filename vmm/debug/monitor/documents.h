// gdbstub::Documents: the target description, and tables for `info os`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gdbstub/target.h"

namespace ringside::debug {

// A table that gdb shows by `info os NAME`, and IDEs by -info-os.
struct OsTable {
    std::string name;         // "exits": what the user types
    std::string title;        // "VM exits"
    std::string description;  // one line
    std::vector<std::string> columns;
    std::function<std::vector<std::vector<std::string>>()> rows;
};

class DocumentStore final : public gdbstub::Documents {
  public:
    explicit DocumentStore(std::string target_description)
        : target_description_(std::move(target_description)) {}

    void add(OsTable table) { tables_.push_back(std::move(table)); }

    std::vector<std::string> objects() const override;
    std::optional<std::string> document(std::string_view object, std::string_view annex) override;

  private:
    std::string index() const;

    std::string target_description_;
    std::vector<OsTable> tables_;
};

}  // namespace ringside::debug
