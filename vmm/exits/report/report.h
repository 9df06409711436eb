// `ringside exits FILE`: shows a recorded trace as tables and writes it to files for other programs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/exits/report/exporters.h"

namespace ringside::exits {

enum class ExportFormat : std::uint8_t { Chrome, Csv, Html };

// The format by a file's extension: .json (Chrome trace), .csv or .html; nullopt for other names.
std::optional<ExportFormat> export_format_of(const std::filesystem::path& path);

struct Export {
    ExportFormat format = ExportFormat::Html;
    std::filesystem::path path;
};

struct ReportOptions {
    std::optional<std::filesystem::path>
        symbols;                  // an ELF file; default: the kernel that the trace names, if it exists
    std::vector<Export> exports;  // files to write
    std::size_t last = 20;        // number of rows in the tables of last exits and of hot addresses
};

// Writes the requested files and returns the tables as text.
Result<std::string> report_trace(const std::filesystem::path& trace, const ReportOptions& options);

// What describes a run's tiers in words. The hardware tier's may be missing if the run has no such tier.
struct RunWords {
    const Source& userspace;
    const Names& userspace_names;
    const Source* hardware = nullptr;
    const Names* hardware_names = nullptr;
};

// Writes a run to a file. It is written to a temporary file first and then renamed, so that no reader sees a
// partial file.
Result<void> export_recording(const Export& file, const RunRecording& run, const RunWords& words);

}  // namespace ringside::exits
