// A rule on a control register, the processor's mode or a halt, where no exit reports it: the vCPUs are stepped, and each
// step is compared with the one before. A write that does not change a register goes unnoticed.
//
// Threading: judge() is for vCPUs' threads, several at once; the rest is constant.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "vmm/debug/monitor/symbol_of.h"
#include "vmm/debug/run_control/state_watch.h"
#include "vmm/exits/catch/catch.h"

namespace ringside::debug {

// "real mode", "protected mode" or "long mode".
const char* broad_mode(const x86::SystemRegisters& system);

class StateCatch final : public StateJudge {
  public:
    StateCatch(exits::CatchRule rule, SymbolOf symbol_of)
        : rule_(std::move(rule)), symbol_of_(std::move(symbol_of)) {}

    std::uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }
    std::optional<std::string> judge(VcpuIndex vcpu, const WatchedStep& step) override;

  private:
    bool holds(std::uint64_t rip, std::uint64_t value) const;

    exits::CatchRule rule_;
    SymbolOf symbol_of_;
    std::atomic<std::uint64_t> hits_{0};
};

}  // namespace ringside::debug
