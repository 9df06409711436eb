#include "vmm/exits/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "arch/x86_64/msr_names.h"
#include "vmm/base/output_file.h"
#include "vmm/exits/hardware/hardware_exits.h"
#include "vmm/exits/record/failure.h"
#include "vmm/exits/report/symbols.h"
#include "vmm/exits/trace/trace_reader.h"

namespace ringside::exits {
namespace {

// All tiers of the run. If the hardware tier is missing, a note says why.
struct Tiers {
    std::vector<TierView> views;
    std::vector<std::string> notes;
};

Tiers tiers_of(const RunRecording& run, const RunWords& words) {
    Tiers tiers;
    tiers.views.push_back({run.userspace, words.userspace, words.userspace_names});
    std::string missing = describe_missing_hardware(run);
    if (!missing.empty())
        tiers.notes.push_back(std::move(missing));
    else if (run.hardware && words.hardware != nullptr && words.hardware_names != nullptr)
        tiers.views.push_back({*run.hardware, *words.hardware, *words.hardware_names});
    return tiers;
}

void write(std::ostream& out, ExportFormat format, const Tiers& tiers) {
    switch (format) {
        case ExportFormat::Chrome:
            return write_chrome_trace(out, tiers.views, tiers.notes);
        case ExportFormat::Csv:
            return write_csv(out, tiers.views);
        case ExportFormat::Html:
            return write_html_report(out, tiers.views, tiers.notes);
    }
}

// Symbols are optional: without the kernel's file, or if it is stripped, only names are missing.
Result<SymbolTable> load_symbols(const ReportOptions& options, const RecordingInfo& info) {
    if (options.symbols)
        return SymbolTable::load(*options.symbols);
    auto table = info.kernel.empty() ? SymbolTable() : SymbolTable::load(info.kernel).value_or(SymbolTable());
    return table;
}

// The last exits of all vCPUs in the order of time, each with its qualification.
VcpuRecording merged(const Recording& recording) {
    std::vector<std::pair<const VcpuRecording*, std::size_t>> order;
    for (const VcpuRecording& vcpu : recording.vcpus)
        for (std::size_t i = 0; i < vcpu.statistics.recent.size(); ++i)
            order.emplace_back(&vcpu, i);
    std::ranges::stable_sort(order, {},
                             [](const auto& at) { return at.first->statistics.recent[at.second].exited; });
    VcpuRecording all;
    for (const auto& [vcpu, i] : order) {
        all.statistics.recent.push_back(vcpu->statistics.recent[i]);
        if (i < vcpu->hardware.size())
            all.hardware.push_back(vcpu->hardware[i]);
    }
    return all;
}

std::string tier_text(const TierView& tier, std::size_t last) {
    std::vector<VcpuStatistics> vcpus;
    for (const VcpuRecording& vcpu : tier.recording.vcpus) {
        vcpus.push_back(vcpu.statistics);
        vcpus.back().recent.clear();
    }
    const VcpuStatistics total = sum(vcpus);
    std::string text;
    for (const std::string& line : describe_losses(tier.recording))
        text += line + '\n';
    text += to_text(summary_table(total, tier.source));
    for (const AddressKind kind :
         {AddressKind::Port, AddressKind::Memory, AddressKind::Msr, AddressKind::CpuidLeaf}) {
        const Table table = address_table(total, tier.source, kind, tier.names);
        if (!table.rows.empty())
            text += '\n' + to_text(table);
    }
    text += '\n' + to_text(hot_table(total, tier.source, last, tier.names));
    const VcpuRecording all = merged(tier.recording);
    text += '\n' + to_text(last_table(all.statistics, tier.source, last, tier.names, all.hardware));
    return text;
}

std::string tables_text(const Tiers& tiers, std::size_t last) {
    std::string text;
    for (const std::string& note : tiers.notes)
        text += note + '\n';
    for (const TierView& tier : tiers.views)
        text += (text.empty() ? "" : "\n") + tier_text(tier, last);
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

Result<void> export_recording(const Export& file, const RunRecording& run, const RunWords& words) {
    return replace_file(file.path, [&](std::ofstream& out) -> Result<void> {
        write(out, file.format, tiers_of(run, words));
        return {};
    });
}

Result<std::string> report_trace(const std::filesystem::path& trace, const ReportOptions& options) {
    const auto run = TRY(read_trace(trace));
    const RecordingInfo& info = run.userspace.info;
    auto symbols = TRY(load_symbols(options, info));
    symbols.set_slide(info.slide);
    Names names;
    names.symbol = [&symbols](std::uint64_t rip) { return symbols.describe(rip); };
    Names hardware_names = names;
    hardware_names.device = [](AddressKind kind, std::uint64_t address) {
        return kind == AddressKind::Msr ? std::string(x86::msr_name(static_cast<std::uint32_t>(address)))
                                        : std::string();
    };
    names.detail = [kind = info.hardware ? HostKind(info.hardware->kind) : std::nullopt](
                       const ExitRecord& exit) { return describe_failure(exit, kind); };
    const KvmReasons reasons;
    const TracepointReasons hardware_reasons(info.hardware.value_or(HardwareDescription{}));
    const Source source = userspace_source(reasons, run.userspace.rate);
    const Source hardware = hardware_source(hardware_reasons);
    const RunWords words{source, names, &hardware, &hardware_names};
    for (const Export& file : options.exports)
        TRY(export_recording(file, run, words));
    return tables_text(tiers_of(run, words), options.last);
}

}  // namespace ringside::exits
