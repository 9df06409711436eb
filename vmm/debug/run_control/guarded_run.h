// A vCPU while pages are write-protected for watchpoints (page_guard.h): lets each write to them pass as a step, looks from
// time to time if protection is still right, and changes to stepping and back.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/step_off.h"
#include "vmm/debug/run_control/watch_by_stepping.h"
#include "vmm/machine/kick_timer.h"
#include "vmm/machine/vcpu_thread.h"

namespace ringside::debug {

class GuardedRun {
  public:
    // What follows from an exit.
    enum class Next : std::uint8_t {
        NotOurs,  // the failure has another cause
        Nothing,  // the vCPU tries again, unless it parks
        Arm,      // the next entry is another one
    };

    GuardedRun(machine::VcpuThread& thread, DebugContext& context, ExitRegisters& at, StepOff& step_off)
        : thread_(thread), context_(context), at_(at), step_off_(step_off) {}

    // KVM_RUN has failed as it does at a write to a protected page.
    Result<Next> on_fault();
    // KVM could not write the result of an instruction that it has executed. Returns false if the place is not in these
    // pages. Otherwise writes it, and stores in `touched` the watchpoint there, or nullptr; its bytes are valid until the
    // next call.
    bool write(Gpa gpa, std::span<const std::byte> data, TouchedWatchpoint& touched);
    bool protects() const { return context_.guard != nullptr && context_.guard->active(); }
    // KVM executes instructions that write to these pages itself.
    Result<Next> give_up_to_kvm();
    // Returns true if stepping is tried, so that what each step writes counts.
    bool trying() const { return has_pages() && context_.guard->trying(); }
    // After a step. `let_pass`: it was that of a write. `wrote_near`: while trying(), it has written to a page of a watchpoint.
    Result<Next> after_step(bool let_pass, bool wrote_near);
    // KVM_RUN was interrupted.
    Result<Next> look();
    // Before each entry: as long as pages are protected, the vCPU is interrupted for look() again and again.
    Result<void> keep_looking();
    void on_parked();

  private:
    static constexpr std::chrono::microseconds kBetweenLooks = std::chrono::milliseconds(10);
    // Of faults that find the pages open: another vCPU has opened them just now.
    static constexpr unsigned kMostLateFaults = 1000;

    bool has_pages() const { return context_.guard != nullptr && context_.guard->has_pages(); }
    Result<std::string> objection() const;
    Result<Next> give_up(const std::string& why);
    Result<Next> change(const std::function<Result<void>()>& how);
    Result<Next> end_trial();

    machine::VcpuThread& thread_;
    DebugContext& context_;
    ExitRegisters& at_;
    StepOff& step_off_;
    unsigned late_faults_ = 0;
    std::vector<std::byte> before_, after_;
    std::optional<machine::KickTimer> timer_;
    bool looking_ = false;
};

}  // namespace ringside::debug
