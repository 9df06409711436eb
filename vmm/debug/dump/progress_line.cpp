#include "vmm/debug/dump/progress_line.h"

#include <fmt/format.h>

namespace ringside::debug {

ProgressLine::ProgressLine(std::function<void(const std::string& line)> print, Clock clock)
    : print_(std::move(print)), clock_(std::move(clock)), last_(clock_()) {}

void ProgressLine::begin() {
    last_ = clock_();
}

void ProgressLine::report(std::uint64_t done, std::uint64_t memory) {
    constexpr std::uint64_t kMiB = 1U << 20;
    const auto now = clock_();
    if (now - last_ < std::chrono::seconds(1))
        return;
    last_ = now;
    print_(fmt::format("dump: {} of {} MiB", done / kMiB, memory / kMiB));
}

}  // namespace ringside::debug
