#include "vmm/exits/report/statistics_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "vmm/exits/record/histogram.h"
#include "vmm/exits/report/tables.h"

namespace ringside::exits {
namespace {

std::string with_unit(const KvmStatistic& statistic, std::uint64_t value) {
    const double scaled = static_cast<double>(value) * std::pow(statistic.exponent_base, statistic.exponent);
    std::string number = statistic.exponent == 0 ? fmt::to_string(value) : fmt::format("{:g}", scaled);
    switch (statistic.unit) {
        case StatisticUnit::Seconds:
            return format_duration(scaled * 1e9);
        case StatisticUnit::Bytes:
            return number + " bytes";
        case StatisticUnit::Cycles:
            return number + " cycles";
        case StatisticUnit::Boolean:
            return value != 0 ? "yes" : "no";
        case StatisticUnit::None:
        case StatisticUnit::Unknown:
            break;
    }
    return number;
}

// KVM's buckets: linear ones are bucket_size wide; logarithmic ones hold 0, [1, 2), [2, 4) and so on. The
// last is open.
std::uint64_t bucket_start(const KvmStatistic& statistic, std::size_t bucket) {
    if (statistic.type == StatisticType::LinearHistogram)
        return std::uint64_t{statistic.bucket_size} * bucket;
    return bucket_floor(std::min(bucket, kHistogramBuckets));
}

std::string histogram_text(const KvmStatistic& statistic) {
    std::string text;
    for (std::size_t i = 0; i < statistic.values.size(); ++i)
        if (statistic.values[i] != 0)
            text += fmt::format("{}from {}: {}", text.empty() ? "" : ", ",
                                with_unit(statistic, bucket_start(statistic, i)), statistic.values[i]);
    return text;
}

bool is_histogram(const KvmStatistic& statistic) {
    return statistic.type == StatisticType::LinearHistogram || statistic.type == StatisticType::LogHistogram;
}

std::string values_text(const KvmStatistic& statistic) {
    if (is_histogram(statistic))
        return histogram_text(statistic);
    std::string text;
    for (const std::uint64_t value : statistic.values)
        text += (text.empty() ? "" : ", ") + with_unit(statistic, value);
    return text;
}

const char* type_name(StatisticType type) {
    switch (type) {
        case StatisticType::Cumulative:
            return "total";
        case StatisticType::Instant:
            return "now";
        case StatisticType::Peak:
            return "peak";
        case StatisticType::LinearHistogram:
        case StatisticType::LogHistogram:
            return "histogram";
        case StatisticType::Unknown:
            break;
    }
    return "unknown kind";
}

}  // namespace

Table statistics_table(const KvmStatistics& statistics) {
    Table table;
    table.title = statistics.id + ": KVM's own statistics (KVM_GET_STATS_FD)";
    table.columns = {{"name", Align::Left}, {"kind", Align::Left}, {"value", Align::Left}};
    std::size_t zero = 0;
    for (const KvmStatistic& statistic : statistics.statistics) {
        const auto& values = statistic.values;
        if (std::all_of(values.begin(), values.end(), [](std::uint64_t value) { return value == 0; }))
            ++zero;
        else
            table.rows.push_back({statistic.name, type_name(statistic.type), values_text(statistic)});
    }
    if (zero != 0)
        table.notes.push_back(fmt::format("{} more are zero", zero));
    return table;
}

void note_hardware_losses(Table& table, const HardwareStatistics& statistics) {
    if (statistics.lost != 0)
        table.notes.push_back(
            fmt::format("{} trace records were lost: the counts are too low", statistics.lost));
    if (statistics.unpaired != 0)
        table.notes.push_back(
            fmt::format("{} exits without a following entry are counted here only", statistics.unpaired));
}

}  // namespace ringside::exits
