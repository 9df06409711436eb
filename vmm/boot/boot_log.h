// The stages of loading a kernel and the time that each took.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "vmm/machine/layout.h"

namespace ringside::boot {

// For the names of stages.
inline double mib(std::uint64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(layout::kMiB);
}

struct BootStage {
    std::string what;  // "unpack 13.4 MiB of lz4"
    std::chrono::nanoseconds took{};
};

class BootLog {
  public:
    // `on_begin` is called as each stage begins; it may be empty.
    explicit BootLog(std::function<void(const std::string& what)> on_begin)
        : on_begin_(std::move(on_begin)) {}

    // Ends the previous stage.
    void begin(std::string what) {
        end();
        if (on_begin_)
            on_begin_(what);
        current_ = std::move(what);
        began_ = Clock::now();
    }
    void end() {
        if (!current_.empty())
            stages_.push_back({std::exchange(current_, {}), Clock::now() - began_});
    }
    std::vector<BootStage> take() {
        end();
        return std::exchange(stages_, {});
    }

  private:
    using Clock = std::chrono::steady_clock;
    std::function<void(const std::string&)> on_begin_;
    std::string current_;  // empty between stages
    Clock::time_point began_;
    std::vector<BootStage> stages_;
};

}  // namespace ringside::boot
