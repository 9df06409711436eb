// Exits per second, from two answers to `monitor exits counters`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/error.h"

namespace ringside::cli {

struct ExitRate {
    std::string tier;  // "userspace", "hardware"
    std::uint32_t vcpu = 0;
    std::string kind;  // "reason", "port", "gpa", "rip"
    std::string name;
    double per_second = 0;
    friend bool operator==(const ExitRate&, const ExitRate&) = default;
};

// Those that are not 0: by tier, vCPU and kind, the most frequent first, at most `rows` of each kind. A count that is
// lower than before was reset: it counts as new. The error says which answer is invalid.
Result<std::vector<ExitRate>> exit_rates(std::string_view before, std::string_view now, std::size_t rows);

// A line for each, for scripts: TIER vCPU KIND RATE NAME.
std::string rate_lines(const std::vector<ExitRate>& rates);
// A table for each tier and vCPU, for people.
std::string rate_tables(const std::vector<ExitRate>& rates);

}  // namespace ringside::cli
