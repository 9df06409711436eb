// The rules of `monitor exits catch`: the mechanism of each, and the stop when one matches.
//
// A rule on an exit that reaches userspace is tested in the exit loop. For an exit that the kernel handles
// itself, a tracepoint sends a signal to the vCPU's thread, which makes KVM_RUN return before the
// guest is entered again. A rule on an MSR becomes a KVM filter, which sends accesses to userspace. A rule on an
// exception or interrupt becomes a breakpoint on the guest's handler.
//
// Threading: rules change on the server's thread while every vCPU is parked. on_exit() runs on the vCPUs'
// threads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vmm/debug/target/debugger.h"
#include "vmm/exit_monitor/catch_entry.h"
#include "vmm/exit_monitor/catch_hits.h"
#include "vmm/exit_monitor/catch_watch.h"
#include "vmm/exit_monitor/exit_names.h"
#include "vmm/exits/report/table.h"

namespace ringside::debug {

class ExitCatches {
  public:
    ExitCatches(Debugger& debugger, ExitNames& names, CatchHits::LastExit last_hardware_exit);

    // Adds a rule and returns its number. The error says why it is not possible here, and what could be
    // done.
    Result<unsigned> add(std::string_view text);
    // Adds a rule for one vCPU that is removed at its first hit, or when the guest resumes after another stop that the
    // user has seen.
    Result<void> add_once(std::string_view text, VcpuIndex vcpu);
    // The guest resumes from a stop that the user has seen.
    void on_resume();
    // "Rule 1: exception pf", and remarks about it.
    std::string describe(unsigned number) const;
    // Removes one rule, or all of them. While the guest is stopped.
    Result<void> remove(unsigned number);
    void remove_all();
    // The machine has a new VM. While the guest is stopped.
    void after_restart() { watch_.after_restart(entries_); }
    exits::Table table();

    // After each exit of a vCPU, on its thread.
    void on_exit(machine::VcpuThread& thread, const exits::ExitRecord& exit);

  private:
    Result<CatchEntry*> add_entry(std::string_view text, std::optional<VcpuIndex> once);
    std::optional<unsigned> free_slot() const;

    Debugger& debugger_;
    ExitNames& names_;
    CatchWatch watch_;
    CatchHits hits_;
    CatchEntries entries_;
    unsigned next_number_ = 1;
};

}  // namespace ringside::debug
