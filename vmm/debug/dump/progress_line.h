// The progress of a long dump: a line each second, from the second one on.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace ringside::debug {

class ProgressLine {
  public:
    using Clock = std::function<std::chrono::steady_clock::time_point()>;
    explicit ProgressLine(std::function<void(const std::string& line)> print,
                          Clock clock = std::chrono::steady_clock::now);

    // A dump begins: nothing is printed for one that takes less than a second.
    void begin();
    void report(std::uint64_t done, std::uint64_t memory);

  private:
    std::function<void(const std::string&)> print_;
    Clock clock_;
    std::chrono::steady_clock::time_point last_;
};

}  // namespace ringside::debug
