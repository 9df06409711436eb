// The breakpoints of `monitor break` and the watchpoints of `monitor watch`: Ringside's own, which a debugger does not
// know. Their filters are evaluated on the vCPU's thread.
//
// Threading: judge() is for vCPUs' threads, several at once; the rest is for the server's thread while the guest is
// stopped.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/x86_64/registers.h"
#include "vmm/debug/monitor/break_rule.h"
#include "vmm/debug/monitor/monitor.h"
#include "vmm/debug/monitor/symbol_of.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

// What decides about the hits of one, and counts them.
class MonitorBreakpoint final : public HitJudge {
  public:
    MonitorBreakpoint(unsigned number, BreakRule rule, const x86::RegisterFile& registers,
                      const GuestView& view, SymbolOf symbol)
        : number_(number),
          rule_(std::move(rule)),
          registers_(registers),
          view_(view),
          symbol_(std::move(symbol)) {}

    unsigned number() const { return number_; }
    const BreakRule& rule() const { return rule_; }
    // "breakpoint 1 at 0x101000 <f>", "watchpoint 2 on physical 0x5000 (8 bytes)"
    std::string name() const;
    // How often its filters were true, and how often the place was reached.
    std::uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }
    std::uint64_t reached() const { return reached_.load(std::memory_order_relaxed); }

    std::optional<std::string> judge(const JudgedHit& hit) override;

  private:
    bool wants(const JudgedHit& hit) const;
    std::string line(const JudgedHit& hit, std::uint64_t count) const;

    unsigned number_;
    BreakRule rule_;
    const x86::RegisterFile& registers_;
    const GuestView& view_;
    SymbolOf symbol_;
    std::atomic<std::uint64_t> reached_{0}, hits_{0};
};

class MonitorBreakpoints {
  public:
    static constexpr std::size_t kMost = 256;

    MonitorBreakpoints(Debugger& debugger, SymbolOf symbol)
        : debugger_(debugger), symbol_(std::move(symbol)) {}

    // Its number. Linear addresses are looked up as the given vCPU does now. That vCPU does not stop at the place where
    // it is stopped already. An error says why there can be none: the guest runs, or can execute or write nothing there.
    Result<unsigned> add(VcpuIndex vcpu, BreakRule rule);
    Result<void> remove(unsigned number);
    // The client has left.
    void remove_all();

    bool empty() const { return list_.empty(); }
    // A line for each.
    std::string describe() const;
    std::string describe(unsigned number) const;

  private:
    Result<void> check(const BreakRule& rule) const;
    Result<void> check_memory(const BreakRule& rule) const;
    Result<void> check_conditions(const BreakRule& rule) const;
    std::string describe(const MonitorBreakpoint& breakpoint) const;

    Debugger& debugger_;
    SymbolOf symbol_;
    std::vector<std::unique_ptr<MonitorBreakpoint>> list_;
    unsigned last_number_ = 0;
};

void add_break_commands(MonitorRegistry& registry, Debugger& debugger, MonitorBreakpoints& breakpoints);

}  // namespace ringside::debug
