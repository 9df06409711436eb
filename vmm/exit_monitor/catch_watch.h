// The mechanism of each rule of `monitor exits catch`: the cheapest one that this host has.
//
// Threading: the server's thread, while every vCPU is parked.
#pragma once

#include <string>

#include "vmm/debug/target/debugger.h"
#include "vmm/exit_monitor/catch_entry.h"

namespace ringside::debug {

class CatchWatch {
  public:
    explicit CatchWatch(Debugger& debugger) : debugger_(debugger) {}

    // Finds the mechanism for a rule on an exit. The error says why there is none here, and what could be done.
    Result<exits::CatchPlan> plan(const exits::CatchRule& rule) const;
    // Turns the rule's tracepoints on, if its plan has any. They stay on as long as the entry exists.
    Result<void> arm(CatchEntry& entry) const;
    // Updates everything else from the list of rules: after each change of it.
    Result<void> update(const CatchEntries& entries);
    // The machine has a new VM, which has no MSR filter yet.
    void after_restart(const CatchEntries& entries) { (void)filter_msrs(entries); }

    // Returns an error if no handler that the guest may install can be caught: its gate is of another kind. A guest
    // that has no handler yet may get one.
    Result<void> check_handler(const CatchEntry& entry) const;
    // A rule's mechanism, in words.
    std::string describe(const CatchEntry& entry) const;
    // Returns true if some vCPU is stepped until the guest has a handler.
    bool waits_for_handler() const;

  private:
    Result<void> arm(CatchEntry& entry, const std::string& event, const std::string& filter) const;
    void watch_exits(bool on) const;
    void watch_states(const CatchEntries& entries) const;
    Result<void> watch_handlers(const CatchEntries& entries) const;
    Result<void> filter_msrs(const CatchEntries& entries);

    Debugger& debugger_;
    bool filtering_msrs_ = false;
};

// The same for a plan alone.
std::string describe_plan(const exits::CatchPlan& plan);

}  // namespace ringside::debug
