// Records a vCPU's steps: examines the machine after each, as deeply as the step can have changed it, and adds the
// changes to the history.
//
// Interrupts are blocked except in one step of kWindow: so a step is one instruction, and it is known which step may
// have been more. After such a step, and after one whose opcode does not limit its effects, everything is examined.
//
// Threading: the vCPU's own thread; the server's while the vCPU is parked, for calls that do not name a vCPU.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/debug/guest/guest_view.h"
#include "vmm/history/history.h"
#include "vmm/history/step_scope.h"
#include "vmm/machine/machine.h"

namespace ringside::history {

// What happens to interrupts during a step.
enum class Interrupts : std::uint8_t {
    Held,
    LetIn,
    Unheld,  // the host cannot block them
};

class Recorder {
  public:
    static constexpr std::uint64_t kWindow = 64;

    Recorder(machine::Machine& machine, const debug::GuestView& view, VcpuIndex vcpu);

    // Fails with the reason if this machine cannot be recorded.
    static Result<void> check(machine::Machine& machine);

    bool active() const { return history_.has_value(); }
    // Only while active.
    History& history() { return *history_; }
    const History& history() const { return *history_; }
    const machine::DirtyPages& dirty_pages() const { return *machine_.dirty_pages(); }

    Result<void> start(std::size_t limit);
    Result<void> stop();

    // ---- While recording

    // Returns true if interrupts may come at the next step.
    bool lets_interrupts_in() const { return steps_ % kWindow == 0 || is_halted(); }
    // The vCPU is about to execute the instruction at RIP.
    void before_step(const x86::GeneralRegisters&, const x86::SystemRegisters&, Interrupts);
    // Something other than a plain step has happened since.
    void irregular() { irregular_ = true; }
    // The step has ended.
    Result<void> after_step(const x86::GeneralRegisters&, const x86::SystemRegisters&);
    // Something may have changed in any other way: the vCPU is about to park, or about to run.
    Result<void> look(const x86::GeneralRegisters&, const x86::SystemRegisters&);
    // The host has lost the vCPU's state, and the guest has not run further: restores the state at the last record.
    Result<void> recall();
    // The vCPU's dirty ring is full.
    Result<void> make_room() { return collect(); }

    // ---- In the past

    // Makes KVM's state that of the history's position.
    Result<void> put();
    // The client may have written registers or memory: its changes become part of the history, and what lay
    // ahead is discarded. Returns the number of steps discarded.
    Result<std::uint64_t> take_edits();
    // Before the guest runs on from a position that was put().
    Result<void> leave_past();

  private:
    bool is_halted() const;
    Result<void> collect();
    Result<void> record(snapshot::Depth depth, Change change);
    bool is_regular(const x86::GeneralRegisters& general) const;

    machine::Machine& machine_;
    machine::VcpuThread& thread_;
    snapshot::MachineImager imager_;
    StepScope scope_;
    std::optional<History> history_;
    snapshot::MachineImage next_;  // KVM's state, as far as it was examined
    std::vector<Gpa> dirty_;
    snapshot::Depth depth_ = snapshot::Depth::Everything;
    bool irregular_ = true;
    bool moved_ = false;  // memory was changed by going back or forward
    Interrupts interrupts_ = Interrupts::LetIn;
    std::uint64_t started_at_ = 0;  // RIP before the step
    std::uint64_t accesses_ = 0;
    std::uint64_t steps_ = 0;
};

}  // namespace ringside::history
