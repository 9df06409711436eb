#include "vmm/exits/kvm_statistics.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "vmm/exits/bytes.h"
#include "vmm/exits/tables.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::exits {
namespace {

constexpr const char* kOperation = "read KVM's statistics";
// The kernel's file is a few KiB; this only bounds a descriptor that is not KVM's.
constexpr std::size_t kMaximumFile = 1 << 20;

std::string text_until_nul(std::span<const std::byte> bytes) {
    const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
    std::string text;
    for (auto byte = bytes.begin(); byte != end; ++byte)
        text += static_cast<char>(*byte);
    return text;
}

StatisticType type_of(std::uint32_t flags) {
    const std::uint32_t type = (flags & KVM_STATS_TYPE_MASK) >> KVM_STATS_TYPE_SHIFT;
    return type <= KVM_STATS_TYPE_MAX ? static_cast<StatisticType>(type) : StatisticType::Unknown;
}

StatisticUnit unit_of(std::uint32_t flags) {
    const std::uint32_t unit = (flags & KVM_STATS_UNIT_MASK) >> KVM_STATS_UNIT_SHIFT;
    return unit <= KVM_STATS_UNIT_MAX >> KVM_STATS_UNIT_SHIFT ? static_cast<StatisticUnit>(unit)
                                                              : StatisticUnit::Unknown;
}

std::optional<KvmStatistic> parse_statistic(std::span<const std::byte> file, const kvm_stats_header& header,
                                            std::uint64_t at) {
    const auto descriptor = load_at<kvm_stats_desc>(file, at);
    const auto name = slice(file, at + sizeof(kvm_stats_desc), header.name_size);
    if (!descriptor || !name)
        return std::nullopt;
    const std::uint64_t start = std::uint64_t{header.data_offset} + descriptor->offset;
    KvmStatistic statistic;
    statistic.name = text_until_nul(*name);
    statistic.type = type_of(descriptor->flags);
    statistic.unit = unit_of(descriptor->flags);
    statistic.exponent = descriptor->exponent;
    statistic.exponent_base = (descriptor->flags & KVM_STATS_BASE_MASK) == KVM_STATS_BASE_POW2 ? 2 : 10;
    statistic.bucket_size = descriptor->bucket_size;
    for (std::uint64_t i = 0; i < descriptor->size; ++i) {
        const auto value = load_at<std::uint64_t>(file, start + i * sizeof(std::uint64_t));
        if (!value)
            return std::nullopt;
        statistic.values.push_back(*value);
    }
    return statistic;
}

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

Result<KvmStatistics> parse_kvm_statistics(std::span<const std::byte> file) {
    const auto header = load_at<kvm_stats_header>(file, 0);
    if (!header)
        return failure(kOperation, "the file is too short");
    const auto id = slice(file, header->id_offset, header->name_size);
    if (!id)
        return failure(kOperation, "the identification lies outside the file");
    KvmStatistics result;
    result.id = text_until_nul(*id);
    const std::uint64_t stride = sizeof(kvm_stats_desc) + std::uint64_t{header->name_size};
    for (std::uint64_t i = 0; i < header->num_desc; ++i) {
        auto statistic = parse_statistic(file, *header, header->desc_offset + i * stride);
        if (!statistic)
            return failure(kOperation, fmt::format("descriptor {} lies outside the file", i));
        result.statistics.push_back(std::move(*statistic));
    }
    return result;
}

Result<KvmStatistics> read_kvm_statistics(int fd) {
    std::vector<std::byte> file;
    std::array<std::byte, 4096> chunk{};
    for (;;) {
        const ssize_t got = ::pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(file.size()));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno_failure(kOperation, errno);
        if (got == 0)
            return parse_kvm_statistics(file);
        file.insert(file.end(), chunk.begin(), chunk.begin() + got);
        if (file.size() > kMaximumFile)
            return failure(kOperation, "the file does not end: it is not KVM's");
    }
}

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

}  // namespace ringside::exits
