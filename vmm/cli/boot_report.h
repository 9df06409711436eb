// How long a boot takes, stage by stage, for the log: from the start of the run to the guest's first
// character.
#pragma once

#include <atomic>
#include <chrono>
#include <span>
#include <string>

#include "vmm/boot/boot_image.h"
#include "vmm/devices/character_sink.h"

namespace ringside::cli {

// Also the serial line's sink: passes everything on and notices the first of it. From any thread.
class BootReport final : public devices::CharacterSink {
  public:
    // A stage of loading begins; one that takes long is not silent.
    static void begin(const std::string& what);
    // The kernel is in memory.
    void loaded(const std::string& kernel, const boot::BootState& state) const;
    // The guest may run, or waits for its debugger.
    void started(bool waiting) const;

    void pass_on_to(devices::CharacterSink& sink) { next_ = &sink; }
    void write(std::span<const std::byte> data) override;

  private:
    using Clock = std::chrono::steady_clock;
    double milliseconds() const;  // since the run began

    Clock::time_point began_ = Clock::now();
    devices::CharacterSink* next_ = nullptr;
    std::atomic<bool> silent_{true};
};

}  // namespace ringside::cli
