// The rules of `monitor exits catch`: where each is watched for, and the stop when one is met.
//
// A rule on an exit that reaches userspace is tested in the exit loop. A rule on one that the kernel handles
// by itself becomes a signal from a tracepoint to the vCPU's thread, which takes it out of KVM_RUN before the
// guest is entered again; and a rule on an MSR becomes a filter of KVM's, which sends accesses to userspace. A rule on an
// exception or interrupt becomes a breakpoint on the guest's handler.
//
// Threading: rules change on the server's thread while every vCPU is parked. on_exit() runs on the vCPUs'
// threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/debug/target/debugger.h"
#include "vmm/exit_monitor/exit_names.h"
#include "vmm/exit_monitor/handler_catch.h"
#include "vmm/exit_monitor/state_catch.h"
#include "vmm/exit_monitor/transitions.h"
#include "vmm/exits/catch/catch.h"
#include "vmm/exits/hardware/perf_event.h"
#include "vmm/exits/report/table.h"

namespace ringside::debug {

class ExitCatches {
  public:
    // Says which hardware exit a parked vCPU came out of.
    using LastExit = std::function<LastHardwareExit(VcpuIndex)>;
    ExitCatches(Debugger& debugger, ExitNames& names, LastExit last_hardware_exit);

    // Adds a rule and returns its number. The error says why it cannot be watched for here, and what could be
    // done.
    Result<unsigned> add(std::string_view text);
    // Adds a rule for one vCPU that is over with its first hit, or when the guest runs on after another stop that the user
    // has seen.
    Result<void> add_once(std::string_view text, VcpuIndex vcpu);
    // The guest runs on from a stop that the user has seen.
    void on_resume();
    // "Rule 1: exception pf", and what there is to say of it.
    std::string describe(unsigned number) const;
    // Removes one rule, or all of them. While the guest is stopped.
    Result<void> remove(unsigned number);
    void remove_all();
    // The machine has a new VM, which knows no filter as yet. While the guest is stopped.
    void after_restart();
    exits::Table table();

    // After each exit of a vCPU, on its thread.
    void on_exit(machine::VcpuThread& thread, const exits::ExitRecord& exit);

  private:
    struct Entry {
        unsigned number = 0;
        unsigned slot = 0;
        exits::CatchRule rule;
        exits::CatchPlan plan;
        std::optional<VcpuIndex> once;            // the vCPU of a rule that is over with its first hit
        bool resumed = false;                     // the guest has run since that one was made
        std::vector<exits::HardwareCatch> armed;  // for each vCPU and tracepoint
        std::atomic<std::uint64_t> hits{0};
        std::unique_ptr<HandlerCatch> handler;  // of an exception or interrupt
        std::unique_ptr<StateCatch> state;      // of what the vCPUs are stepped for

        std::uint64_t all_hits() const {
            return handler ? handler->hits() : state ? state->hits() : hits.load();
        }
    };
    using Entries = std::vector<std::unique_ptr<Entry>>;

    Result<exits::CatchPlan> plan(const exits::CatchRule& rule) const;
    Result<Entry*> add_entry(std::string_view text, std::optional<VcpuIndex> once);
    Result<void> arm(Entry& entry) const;
    Result<void> arm(Entry& entry, const std::string& event, const std::string& filter) const;
    Result<void> filter_msrs();
    Result<void> watch_handlers();
    void watch_states();
    Result<void> check_handler(const Entry& entry);
    std::string watched_by(const Entry& entry) const;
    std::optional<unsigned> free_slot() const;
    void watch(bool on) const;
    std::string describe_userspace_exit(const exits::ExitRecord& exit) const;
    std::string hit(Entry& entry, const exits::ExitRecord& exit, const std::string& what) const;
    std::string hardware_hit(Entry& entry, machine::VcpuThread& thread, const exits::ExitRecord& exit) const;

    Debugger& debugger_;
    ExitNames& names_;
    LastExit last_hardware_exit_;
    exits::KvmReasons reasons_;
    Entries entries_;
    unsigned next_number_ = 1;
    bool filtering_msrs_ = false;
};

// How a rule is watched for, in words.
std::string describe_plan(const exits::CatchPlan& plan);

}  // namespace ringside::debug
