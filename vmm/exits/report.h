// What `ringside exits FILE` does: a recorded trace as tables on a terminal, and as files for other programs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vmm/exits/exporters.h"
#include "vmm/types.h"

namespace ringside::exits {

enum class ExportFormat : std::uint8_t { Chrome, Csv, Html };

// By what a file's name ends in: .json (Chrome trace), .csv or .html; nothing for other names.
std::optional<ExportFormat> export_format_of(const std::filesystem::path& path);

struct Export {
    ExportFormat format = ExportFormat::Html;
    std::filesystem::path path;
};

struct ReportOptions {
    std::optional<std::filesystem::path>
        symbols;                  // an ELF file; default: the kernel that the trace names, if it is there
    std::vector<Export> exports;  // files to write
    std::size_t last = 20;        // rows of the last and of the hottest
};

// Writes the files that are asked for and returns the tables as text.
Result<std::string> report_trace(const std::filesystem::path& trace, const ReportOptions& options);

// What puts a run's tiers into words. The hardware's may be nothing where the run has no such tier.
struct RunWords {
    const Source& userspace;
    const Names& userspace_names;
    const Source* hardware = nullptr;
    const Names* hardware_names = nullptr;
};

// A run as a file. Written beside it first and then renamed, so that no reader sees half of it.
Result<void> export_recording(const Export& file, const RunRecording& run, const RunWords& words);

}  // namespace ringside::exits
