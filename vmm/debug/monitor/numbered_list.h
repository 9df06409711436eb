// A list whose entries have numbers, as a command removes one of them, or all.
#pragma once

#include <fmt/format.h>

#include <limits>
#include <string>
#include <string_view>

#include "vmm/base/text.h"
#include "vmm/debug/monitor/monitor.h"

namespace ringside::debug {

struct NumberedList {
    const char* command;      // "break delete"
    const char* entry;        // "a breakpoint"
    const char* shown_by;     // the advice after a wrong number
    const char* all_removed;  // the answer, with its newline
    const char* removed;      // the answer, with {} for the number
};

// `which` is a number, or empty for all. `Entries` has remove(number), which may fail, and remove_all().
template <typename Entries>
Result<std::string> remove_from(Entries& entries, const NumberedList& list, const Debugger& debugger,
                                std::string_view which) {
    if (debugger.stop_token() == nullptr)
        return guest_runs(list.command);
    if (which.empty()) {
        entries.remove_all();
        return std::string(list.all_removed);
    }
    const auto number = parse_number(which);
    if (!number || *number > std::numeric_limits<unsigned>::max())
        return failure(list.command, fmt::format("\"{}\" is not the number of {}", which, list.entry),
                       list.shown_by);
    TRY(entries.remove(static_cast<unsigned>(*number)));
    return fmt::format(fmt::runtime(list.removed), *number);
}

}  // namespace ringside::debug
