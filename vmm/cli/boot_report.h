// The duration of a boot, stage by stage, for the log: from the start of the run to the guest's first
// character.
#pragma once

#include <chrono>
#include <string>

#include "vmm/boot/boot_image.h"

namespace ringside::cli {

class BootReport {
  public:
    // A stage of loading begins. A long one prints a line.
    static void begin(const std::string& what);
    // The kernel is in memory.
    void loaded(const std::string& kernel, const boot::BootState& state) const;
    // The guest may run, or waits for its debugger.
    void started(bool waiting) const;
    // The guest has written to its console. From any thread.
    void wrote() const;

  private:
    using Clock = std::chrono::steady_clock;
    double milliseconds() const;  // since the run began

    Clock::time_point began_ = Clock::now();
};

}  // namespace ringside::cli
