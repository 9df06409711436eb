// Moves through a recorded history, back or forward, to where a client wants to stop, by the same rules that stop a
// running vCPU. Moves guest memory and the history's image, not the vCPU.
//
// Threading: the server's thread, while every vCPU is parked.
#pragma once

#include <optional>
#include <vector>

#include "gdbstub/target.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/run_control/condition_scope.h"
#include "vmm/debug/run_control/stop_reasons.h"
#include "vmm/debug/run_control/watch_by_stepping.h"
#include "vmm/history/history.h"

namespace ringside::debug {

enum class Direction : std::uint8_t { Back, Forward };

// Where a journey ended.
struct Arrival {
    bool present = false;  // at the end of the history, with the action not complete: the guest runs on
    VcpuIndex vcpu;        // else: which vCPU has come there
    StopWords stop;
};

class Traveller {
  public:
    Traveller(BreakpointTable& table, const GuestView& view, const x86::RegisterFile& registers)
        : table_(table), view_(view), conditions_(registers, view) {}

    // The steps of all vCPUs are undone or redone on the way; `action` is complete when the given vCPU has done it.
    // RangeStep is only for going forward: clients go back one step at a time.
    void begin(Direction direction, VcpuIndex vcpu, const gdbstub::ResumeAction& action) {
        direction_ = direction;
        vcpu_ = vcpu;
        action_ = action;
    }
    // Continues for a few thousand steps. Returns nullopt if there is more to go.
    std::optional<Arrival> go_on(history::History& history);

  private:
    struct Registers {
        x86::GeneralRegisters general;
        x86::SystemRegisters system;
    };
    static Registers registers(const history::History& history, VcpuIndex vcpu);

    std::optional<Arrival> step_back(history::History& history);
    std::optional<Arrival> step_forward(history::History& history);
    using Touched = std::vector<TouchedWatchpoint>;

    std::optional<Arrival> arrive(const history::History& history, VcpuIndex vcpu, const Touched& touched);
    std::optional<StopWords> stop_at(const TouchedWatchpoint& touched, VcpuIndex vcpu, const Registers& at);
    std::optional<StopWords> stop_at(Breakpoint& breakpoint, VcpuIndex vcpu, const Registers& at);
    Arrival end_of_log() const;
    // Over one Step, with what lies before it. Returns false if there is none.
    bool undo_step(history::History& history);
    bool redo_step(history::History& history);
    // At both ends of a record that is a Step.
    void look_before(const history::History& history, VcpuIndex vcpu);
    Touched look_after(const history::History& history, std::uint64_t record);
    bool writes(const history::History& history, std::uint64_t record, const Breakpoint& watchpoint) const;
    bool stops_here(Breakpoint& breakpoint, const Registers& at);

    BreakpointTable& table_;
    const GuestView& view_;
    ConditionScope conditions_;
    WatchByStepping watch_;
    Direction direction_ = Direction::Back;
    VcpuIndex vcpu_;
    gdbstub::ResumeAction action_ = gdbstub::Continue{};
};

}  // namespace ringside::debug
