// Tier 1 of exit recording: the statistics that KVM itself keeps, read from the file descriptor of
// KVM_GET_STATS_FD (Documentation/virt/kvm/api.rst, 4.133). The file describes itself: names, units and types
// come from its descriptors, so that counters of newer kernels appear without a change here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vmm/base/error.h"

namespace ringside::exits {

enum class StatisticType : std::uint8_t { Cumulative, Instant, Peak, LinearHistogram, LogHistogram, Unknown };
enum class StatisticUnit : std::uint8_t { None, Bytes, Seconds, Cycles, Boolean, Unknown };

struct KvmStatistic {
    std::string name;
    StatisticType type = StatisticType::Cumulative;
    StatisticUnit unit = StatisticUnit::None;
    std::int16_t exponent = 0;          // the unit is scaled by base^exponent
    std::uint8_t exponent_base = 10;    // 10 or 2
    std::uint32_t bucket_size = 0;      // of a linear histogram
    std::uint32_t offset = 0;           // of the values in the data block, in bytes
    std::vector<std::uint64_t> values;  // one, or a histogram's buckets
};

struct KvmStatistics {
    std::string id;  // "kvm-1234/vcpu-0"
    std::vector<KvmStatistic> statistics;
};

// Reads everything from the descriptor. Fails if it is not a KVM statistics file or if its contents are
// inconsistent.
Result<KvmStatistics> read_kvm_statistics(int fd);

// Parses the bytes of the whole file.
Result<KvmStatistics> parse_kvm_statistics(std::span<const std::byte> file);

}  // namespace ringside::exits
