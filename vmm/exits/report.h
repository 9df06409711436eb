// What `ringside exits FILE` does: a recorded trace as tables on a terminal, and as files for other programs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vmm/exits/exporters.h"
#include "vmm/types.h"

namespace ringside::exits {

struct ReportOptions {
    std::optional<std::filesystem::path>
        symbols;  // an ELF file; default: the kernel that the trace names, if it is there
    std::vector<std::filesystem::path> exports;  // files to write: see export_recording()
    std::size_t last = 20;                       // rows of the last and of the hottest
};

// Writes the files that are asked for and returns the tables as text.
Result<std::string> report_trace(const std::filesystem::path& trace, const ReportOptions& options);

// A recording as a file, by what its name ends in: .html, .json (Chrome trace) or .csv. Written beside it
// first and then renamed, so that no reader sees half of it.
Result<void> export_recording(const std::filesystem::path& path, const Recording& recording,
                              const Source& source, const Names& names);

}  // namespace ringside::exits
