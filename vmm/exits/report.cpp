#include "vmm/exits/report.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>

#include "vmm/exits/symbols.h"
#include "vmm/exits/trace_reader.h"

namespace ringside::exits {
namespace {

void write(std::ostream& out, ExportFormat format, const Recording& recording, const Source& source,
           const Names& names) {
    switch (format) {
        case ExportFormat::Chrome:
            return write_chrome_trace(out, recording, source, names);
        case ExportFormat::Csv:
            return write_csv(out, recording, source, names);
        case ExportFormat::Html:
            return write_html_report(out, recording, source, names);
    }
}

// Symbols are a help, not a need: a kernel that moved away or is stripped only leaves names out.
Result<SymbolTable> load_symbols(const ReportOptions& options, const RecordingInfo& info) {
    if (options.symbols)
        return SymbolTable::load(*options.symbols);
    auto table = info.kernel.empty() ? SymbolTable() : SymbolTable::load(info.kernel).value_or(SymbolTable());
    return table;
}

std::string tables_text(const Recording& recording, const Source& source, const Names& names,
                        std::size_t last) {
    std::vector<VcpuStatistics> vcpus;
    for (const VcpuRecording& vcpu : recording.vcpus)
        vcpus.push_back(vcpu.statistics);
    const VcpuStatistics total = sum(vcpus);
    std::string text;
    for (const std::string& line : describe_losses(recording))
        text += line + '\n';
    text += to_text(summary_table(total, source));
    for (const AddressKind kind :
         {AddressKind::Port, AddressKind::Memory, AddressKind::Msr, AddressKind::CpuidLeaf}) {
        const Table table = address_table(total, source, kind, names);
        if (!table.rows.empty())
            text += '\n' + to_text(table);
    }
    text += '\n' + to_text(hot_table(total, source, last, names));
    text += '\n' + to_text(last_table(total, source, last, names));
    return text;
}

}  // namespace

std::optional<ExportFormat> export_format_of(const std::filesystem::path& path) {
    const std::string extension = path.extension().string();
    if (extension == ".html" || extension == ".htm")
        return ExportFormat::Html;
    if (extension == ".json")
        return ExportFormat::Chrome;
    if (extension == ".csv")
        return ExportFormat::Csv;
    return std::nullopt;
}

Result<void> export_recording(const Export& file, const Recording& recording, const Source& source,
                              const Names& names) {
    const std::filesystem::path& path = file.path;
    const std::string operation = "write " + path.string();
    std::filesystem::path partial = path;
    partial += ".partial";
    std::ofstream out(partial, std::ios::binary | std::ios::trunc);
    if (!out)
        return errno_failure(operation, errno);
    write(out, file.format, recording, source, names);
    out.close();
    std::error_code error;
    if (!out) {
        const int code = errno;
        std::filesystem::remove(partial, error);
        return errno_failure(operation, code);
    }
    std::filesystem::rename(partial, path, error);
    if (error)
        return errno_failure(operation, error.value());
    return {};
}

Result<std::string> report_trace(const std::filesystem::path& trace, const ReportOptions& options) {
    const auto recording = read_trace(trace);
    if (!recording)
        return tl::unexpected<Error>(recording.error());
    const auto symbols = load_symbols(options, recording->info);
    if (!symbols)
        return tl::unexpected<Error>(symbols.error());
    const KvmReasons reasons;
    const Source source = userspace_source(reasons, recording->rate);
    Names names;
    names.symbol = [&symbols](std::uint64_t rip) { return symbols->describe(rip); };
    for (const Export& file : options.exports)
        if (auto written = export_recording(file, *recording, source, names); !written)
            return tl::unexpected<Error>(written.error());
    return tables_text(*recording, source, names, options.last);
}

}  // namespace ringside::exits
