#include "vmm/exits/hardware/kvm_statistics.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "vmm/base/bytes.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::exits {
namespace {

constexpr const char* kReadStatistics = "read KVM's statistics";
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

}  // namespace

Result<KvmStatistics> parse_kvm_statistics(std::span<const std::byte> file) {
    const auto header = load_at<kvm_stats_header>(file, 0);
    if (!header)
        return failure(kReadStatistics, "the file is too short");
    const auto id = slice(file, header->id_offset, header->name_size);
    if (!id)
        return failure(kReadStatistics, "the identification lies outside the file");
    KvmStatistics result;
    result.id = text_until_nul(*id);
    const std::uint64_t stride = sizeof(kvm_stats_desc) + std::uint64_t{header->name_size};
    for (std::uint64_t i = 0; i < header->num_desc; ++i) {
        auto statistic = parse_statistic(file, *header, header->desc_offset + i * stride);
        if (!statistic)
            return failure(kReadStatistics, fmt::format("descriptor {} lies outside the file", i));
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
            return errno_failure(kReadStatistics, errno);
        if (got == 0)
            return parse_kvm_statistics(file);
        file.insert(file.end(), chunk.begin(), chunk.begin() + got);
        if (file.size() > kMaximumFile)
            return failure(kReadStatistics, "the file does not end: it is not KVM's");
    }
}

}  // namespace ringside::exits
