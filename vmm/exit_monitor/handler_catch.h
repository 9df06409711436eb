// A rule on an exception or interrupt that the guest takes: tests what the guest's handler sees when it begins.
//
// Threading: judge() and moved() are for vCPUs' threads, several at once; the rest is constant.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "arch/x86_64/registers.h"
#include "vmm/debug/monitor/symbol_of.h"
#include "vmm/debug/run_control/handler_watch.h"
#include "vmm/exits/catch/catch.h"

namespace ringside::debug {

class HandlerCatch final : public HandlerJudge {
  public:
    // The error names a register in a condition that does not exist.
    static Result<std::unique_ptr<HandlerCatch>> make(unsigned number, const exits::CatchRule& rule,
                                                      const x86::RegisterFile& registers,
                                                      const GuestView& view, SymbolOf symbol_of);

    std::uint8_t vector() const { return rule_.vector; }
    std::uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }
    // "the handler at 0x101000 <f>", or why no handler is watched yet.
    std::string describe(const HandlerLookup& handler) const;

    // HandlerJudge
    std::optional<std::string> judge(const JudgedHit& hit) override;
    std::string moved(VcpuIndex vcpu, const HandlerLookup& from, const HandlerLookup& to) override;

  private:
    HandlerCatch(unsigned number, exits::CatchRule rule, const x86::RegisterFile& registers,
                 const GuestView& view, SymbolOf symbol_of)
        : number_(number),
          rule_(std::move(rule)),
          registers_(registers),
          view_(view),
          symbol_of_(std::move(symbol_of)) {}

    std::uint64_t value_of(const exits::CatchCondition& condition, const x86::ExceptionFrame& frame,
                           const x86::GeneralRegisters& general, const x86::SystemRegisters& system) const;

    unsigned number_;
    exits::CatchRule rule_;
    const x86::RegisterFile& registers_;
    const GuestView& view_;
    SymbolOf symbol_of_;
    std::atomic<std::uint64_t> hits_{0};
};

}  // namespace ringside::debug
