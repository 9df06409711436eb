#include "vmm/exits/report/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace ringside::exits {
namespace {

std::string call(const auto& function, const auto&... arguments) {
    return function ? function(arguments...) : std::string();
}

std::string ticks_text(const Source& source, std::uint64_t ticks) {
    return format_duration(source.rate.nanoseconds(ticks));
}

// The columns and cells that every table of durations shares.
void append_time_columns(std::vector<Column>& columns, const Source& source) {
    for (const std::string& name : {source.run_label, source.exit_label, std::string("p50"),
                                    std::string("p90"), std::string("p99"), std::string("max")})
        columns.push_back({name, Align::Right});
}

void append_time_cells(std::vector<std::string>& row, const Source& source, const Histogram& run,
                       const Histogram& handler) {
    for (const std::uint64_t ticks : {run.total, handler.total, handler.quantile(0.5), handler.quantile(0.9),
                                      handler.quantile(0.99), handler.maximum})
        row.push_back(ticks_text(source, ticks));
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
    return fmt::format("{:.1f}",
                       whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

struct ReasonTotals {
    std::uint32_t reason = 0;
    std::uint64_t count = 0;
    Histogram run;
    Histogram handler;
};

std::vector<ReasonTotals> totals_by_reason(const VcpuStatistics& statistics) {
    std::map<std::uint32_t, ReasonTotals> by_reason;
    for (const KeyStatistics& row : statistics.keys) {
        ReasonTotals& totals = by_reason[row.key.reason];
        totals.reason = row.key.reason;
        totals.count += row.count;
        totals.run += row.run;
        totals.handler += row.handler;
    }
    std::vector<ReasonTotals> sorted;
    sorted.reserve(by_reason.size());
    for (const auto& [reason, totals] : by_reason)
        sorted.push_back(totals);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const ReasonTotals& a, const ReasonTotals& b) { return a.count > b.count; });
    return sorted;
}

std::string address_text(std::uint64_t address) {
    return address == kUnknownAddress ? "unknown" : fmt::format("0x{:x}", address);
}

const char* kind_name(AddressKind kind) {
    switch (kind) {
        case AddressKind::Port:
            return "port";
        case AddressKind::Memory:
            return "gpa";
        case AddressKind::Msr:
            return "msr";
        case AddressKind::CpuidLeaf:
            return "leaf";
        case AddressKind::None:
            break;
    }
    return "address";
}

void note_unclassified(Table& table, const VcpuStatistics& statistics) {
    if (statistics.unclassified != 0)
        table.notes.push_back(fmt::format(
            "{} more exits found no place in the table and are counted here only", statistics.unclassified));
}

}  // namespace

Source userspace_source(const Reasons& reasons, TickRate rate) {
    return {reasons, rate, "userspace exits (KVM_EXIT_*)", "in KVM_RUN", "handled", "userspace"};
}

Source hardware_source(const Reasons& reasons) {
    return {reasons,    TickRate{},      "hardware exits (tracepoint kvm:kvm_exit)",
            "in guest", "exit to entry", "hardware"};
}

Table summary_table(const VcpuStatistics& statistics, const Source& source) {
    Table table;
    table.title = source.tier;
    table.columns = {{"reason", Align::Left}, {"count", Align::Right}, {"%", Align::Right}};
    append_time_columns(table.columns, source);
    ReasonTotals all;
    const std::vector<ReasonTotals> reasons = totals_by_reason(statistics);
    for (const ReasonTotals& totals : reasons) {
        std::vector<std::string> row = {source.reasons.name(totals.reason), fmt::to_string(totals.count),
                                        percent(totals.count, statistics.recorded)};
        append_time_cells(row, source, totals.run, totals.handler);
        table.rows.push_back(std::move(row));
        all.count += totals.count;
        all.run += totals.run;
        all.handler += totals.handler;
    }
    if (reasons.size() > 1) {
        std::vector<std::string> row = {"total", fmt::to_string(all.count),
                                        percent(all.count, statistics.recorded)};
        append_time_cells(row, source, all.run, all.handler);
        table.rows.push_back(std::move(row));
    }
    note_unclassified(table, statistics);
    return table;
}

Table inner_table(const VcpuStatistics& by_kvm, const VcpuStatistics& by_hypervisor,
                  const std::map<std::uint32_t, std::uint64_t>& made, const Source& source) {
    Table table;
    table.title = "exits of the guest's guest (L2)";
    table.columns = {{"reason", Align::Left},
                     {"count", Align::Right},
                     {"by KVM", Align::Right},
                     {"by L1", Align::Right},
                     {"made by KVM", Align::Right}};
    append_time_columns(table.columns, source);
    const VcpuStatistics both = sum(std::array{by_kvm, by_hypervisor});
    const auto count_of = [](const VcpuStatistics& statistics, std::uint32_t reason) {
        std::uint64_t count = 0;
        for (const KeyStatistics& row : statistics.keys)
            count += row.key.reason == reason ? row.count : 0;
        return count;
    };
    auto left = made;
    for (const ReasonTotals& totals : totals_by_reason(both)) {
        std::vector<std::string> row = {source.reasons.name(totals.reason), fmt::to_string(totals.count),
                                        fmt::to_string(count_of(by_kvm, totals.reason)),
                                        fmt::to_string(count_of(by_hypervisor, totals.reason)),
                                        fmt::to_string(left[totals.reason])};
        left.erase(totals.reason);
        append_time_cells(row, source, totals.run, totals.handler);
        table.rows.push_back(std::move(row));
    }
    for (const auto& [reason, count] : left) {
        std::vector<std::string> row(table.columns.size(), "-");
        row[0] = source.reasons.name(reason);
        row[1] = row[2] = row[3] = "0";
        row[4] = fmt::to_string(count);
        table.rows.push_back(std::move(row));
    }
    note_unclassified(table, both);
    return table;
}

void note_hypervisor_events(Table& table, const HypervisorEvents& events) {
    std::string text;
    std::uint64_t all = events.other_entries;
    for (const auto& [control, count] : events.entries) {
        text += fmt::format("{}{} with the one at gpa 0x{:x}", text.empty() ? "" : ", ", count, control);
        all += count;
    }
    if (events.other_entries != 0)
        text += fmt::format(", {} with others", events.other_entries);
    if (all != 0)
        table.notes.push_back(fmt::format("VM entries by the guest (L1), by VMCS or VMCB: {}", text));
    if (events.failed_entries != 0)
        table.notes.push_back(fmt::format("VM entries that KVM refused: {}", events.failed_entries));
}

Table diff_table(const VcpuStatistics& now, const VcpuStatistics& earlier, const Source& source) {
    Table table = summary_table(since(now, earlier), source);
    if (!table.rows.empty())
        table.notes.emplace_back("max: no more than this; a maximum is not kept for each interval");
    return table;
}

Table address_table(const VcpuStatistics& statistics, const Source& source, AddressKind kind,
                    const Names& names) {
    std::vector<const KeyStatistics*> keys;
    for (const KeyStatistics& row : statistics.keys)
        if (source.reasons.address_kind(row.key.reason) == kind)
            keys.push_back(&row);
    std::stable_sort(keys.begin(), keys.end(),
                     [](const KeyStatistics* a, const KeyStatistics* b) { return a->count > b->count; });

    Table table;
    table.title = source.tier;
    table.columns = {{kind_name(kind), Align::Left}, {"name", Align::Left},      {"access", Align::Left},
                     {"size", Align::Right},         {"accesses", Align::Right}, {"count", Align::Right}};
    append_time_columns(table.columns, source);
    for (const KeyStatistics* key : keys) {
        std::vector<std::string> row;
        row.emplace_back(key->key.any_address ? "others" : address_text(key->key.address));
        row.emplace_back(key->key.any_address ? "" : call(names.device, kind, key->key.address));
        row.emplace_back(direction_name(key->key.direction));
        row.push_back(key->key.size == 0 ? "" : fmt::to_string(key->key.size));
        row.push_back(fmt::to_string(key->accesses));
        row.push_back(fmt::to_string(key->count));
        append_time_cells(row, source, key->run, key->handler);
        table.rows.push_back(std::move(row));
    }
    if (statistics.merged != 0)
        table.notes.emplace_back("others: addresses that came when the table was full");
    note_unclassified(table, statistics);
    return table;
}

Table histogram_table(const VcpuStatistics& statistics, const Source& source, std::uint32_t reason) {
    Histogram histogram;
    for (const KeyStatistics& row : statistics.keys)
        if (row.key.reason == reason)
            histogram += row.handler;

    Table table;
    table.title = fmt::format("{}: {}, {}", source.reasons.name(reason), source.exit_label, source.tier);
    table.columns = {
        {"from", Align::Right}, {"below", Align::Right}, {"count", Align::Right}, {"", Align::Left}};
    const auto used = [](std::uint64_t count) { return count != 0; };
    const auto first = std::find_if(histogram.buckets.begin(), histogram.buckets.end(), used);
    const auto last = std::find_if(histogram.buckets.rbegin(), histogram.buckets.rend(), used).base();
    if (first == histogram.buckets.end())
        return table;
    const std::uint64_t largest = *std::max_element(first, last);
    constexpr std::size_t kBarWidth = 40;
    for (auto bucket = first; bucket != last; ++bucket) {
        const auto index = static_cast<std::size_t>(bucket - histogram.buckets.begin());
        const double share = static_cast<double>(*bucket) / static_cast<double>(largest);
        const auto bar = static_cast<std::size_t>(std::lround(share * kBarWidth));
        const bool open_ended = index + 1 == kHistogramBuckets;
        table.rows.push_back({ticks_text(source, bucket_floor(index)),
                              open_ended ? "" : ticks_text(source, bucket_floor(index + 1)),
                              fmt::to_string(*bucket),
                              std::string(*bucket == 0 ? 0 : std::max<std::size_t>(bar, 1), '#')});
    }
    return table;
}

Table last_table(const VcpuStatistics& statistics, const Source& source, std::size_t limit,
                 const Names& names, std::span<const x86::HardwareExit> hardware) {
    Table table;
    table.title = source.tier;
    table.columns = {{"time", Align::Right},
                     {"reason", Align::Left},
                     {source.run_label, Align::Right},
                     {source.exit_label, Align::Right},
                     {"rip", Align::Left},
                     {"symbol", Align::Left},
                     {"instruction", Align::Left},
                     {"detail", Align::Left}};
    const std::vector<ExitRecord>& recent = statistics.recent;
    const std::size_t shown = std::min(limit, recent.size());
    const std::uint64_t start = shown == 0 ? 0 : recent[recent.size() - shown].exited;
    for (std::size_t i = recent.size() - shown; i < recent.size(); ++i) {
        const ExitRecord* exit = &recent[i];
        const auto elapsed = [](std::uint64_t from, std::uint64_t to) { return to > from ? to - from : 0; };
        table.rows.push_back({"+" + ticks_text(source, elapsed(start, exit->exited)),
                              source.reasons.name(exit->reason),
                              ticks_text(source, elapsed(exit->entered, exit->exited)),
                              ticks_text(source, elapsed(exit->exited, exit->handled)),
                              exit->rip == 0 ? "" : fmt::format("0x{:x}", exit->rip),
                              exit->rip == 0 ? "" : call(names.symbol, exit->rip),
                              exit->rip == 0 ? "" : call(names.instruction, *exit),
                              describe_exit(recent, i, hardware, source, names)});
    }
    return table;
}

Table hot_table(const VcpuStatistics& statistics, const Source& source, std::size_t limit,
                const Names& names) {
    Table table;
    table.title = source.tier;
    table.columns = {{"rip", Align::Left}, {"symbol", Align::Left},    {"count", Align::Right},
                     {"%", Align::Right},  {"at least", Align::Right}, {"last reason", Align::Left}};
    const std::size_t shown = std::min(limit, statistics.hot.size());
    for (std::size_t i = 0; i < shown; ++i) {
        const HotAddress& hot = statistics.hot[i];
        table.rows.push_back({fmt::format("0x{:x}", hot.rip), call(names.symbol, hot.rip),
                              fmt::to_string(hot.count), percent(hot.count, statistics.recorded),
                              fmt::to_string(hot.count - hot.overcount), source.reasons.name(hot.reason)});
    }
    if (statistics.without_rip != 0)
        table.notes.push_back(
            fmt::format("{} exits came without their guest address: this host does not share registers",
                        statistics.without_rip));
    return table;
}

std::string describe_exit(std::span<const ExitRecord> recent, std::size_t i,
                          std::span<const x86::HardwareExit> hardware, const Source& source,
                          const Names& names) {
    if (i < hardware.size())
        return describe_hardware_exit(recent[i], hardware[i]);
    std::string detail = call(names.detail, recent[i]);
    return detail.empty() ? describe_access(recent[i], source.reasons.address_kind(recent[i].reason))
                          : detail;
}

std::string describe_access(const ExitRecord& exit, AddressKind kind) {
    if (kind == AddressKind::None)
        return {};
    if (exit.direction == Direction::None)
        return fmt::format("{} {}", kind_name(kind), address_text(exit.address));
    std::string text = direction_name(exit.direction);
    if (exit.size != 0 && kind != AddressKind::Msr)
        text += fmt::format(" {} byte{}", exit.size, exit.size == 1 ? "" : "s");
    text += fmt::format(" {} {} {}: 0x{:x}", exit.direction == Direction::Write ? "to" : "from",
                        kind_name(kind), address_text(exit.address), exit.value);
    if (exit.count > 1)
        text += fmt::format(" and {} more", exit.count - 1);
    return text;
}

const char* direction_name(Direction direction) {
    switch (direction) {
        case Direction::Read:
            return "read";
        case Direction::Write:
            return "write";
        case Direction::None:
            break;
    }
    return "";
}

std::string format_duration(double nanoseconds) {
    struct Unit {
        double size;
        const char* name;
    };
    constexpr std::array kUnits = {Unit{1e9, "s"}, Unit{1e6, "ms"}, Unit{1e3, "us"}};
    for (const Unit& unit : kUnits) {
        // 999.5 of the smaller unit would round up to four digits.
        if (nanoseconds < unit.size * 0.9995)
            continue;
        const double value = nanoseconds / unit.size;
        const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
        return fmt::format("{:.{}f} {}", value, decimals, unit.name);
    }
    return fmt::format("{:.0f} ns", nanoseconds);
}

}  // namespace ringside::exits
