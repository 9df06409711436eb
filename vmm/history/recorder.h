// Records the steps of a machine's vCPUs: examines the machine after each, as deeply as the step can have changed it, and
// adds the changes to the history. Several vCPUs take turns (run_control/turns.h): while one steps, the others are parked.
//
// Interrupts are blocked except in one step of kWindow: so a step is one instruction, and it is known which step may
// have been more. After such a step, and after one whose opcode does not limit its effects, everything is examined.
//
// Threading: calls that name a vCPU, on that vCPU's thread; the others on the server's, while every vCPU is parked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/debug/guest/guest_view.h"
#include "vmm/history/history.h"
#include "vmm/history/step_scope.h"
#include "vmm/kvm/vcpu_events.h"
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

    Recorder(machine::Machine& machine, const debug::GuestView& view);
    ~Recorder() { (void)stop(); }

    // Fails with the reason if this machine cannot be recorded.
    static Result<void> check(machine::Machine& machine);

    bool active() const { return history_.has_value(); }
    // Only while active.
    History& history() { return *history_; }
    const History& history() const { return *history_; }
    const machine::DirtyPages::Source& source() const { return machine_.dirty_pages()->source(); }

    Result<void> start(std::size_t limit);
    Result<void> stop();

    // ---- While recording

    // Returns true if interrupts may come at the next step.
    bool lets_interrupts_in(VcpuIndex vcpu) const {
        return track(vcpu).steps % kWindow == 0 || activity(vcpu) == kvm::Activity::Halted;
    }
    // The vCPU is about to execute the instruction at RIP.
    void before_step(VcpuIndex, const x86::GeneralRegisters&, const x86::SystemRegisters&, Interrupts);
    // Something other than a plain step has happened since.
    void irregular(VcpuIndex vcpu) { track(vcpu).irregular = true; }
    // The step has ended.
    Result<void> after_step(VcpuIndex, const x86::GeneralRegisters&, const x86::SystemRegisters&);
    // Something may have changed in any other way: the vCPU is about to park, or about to run.
    Result<void> look(VcpuIndex, const x86::GeneralRegisters&, const x86::SystemRegisters&);
    // The host has lost the vCPU's state, and the guest has not run further: restores the state at the last record.
    Result<void> recall(VcpuIndex);
    // What a vCPU did when it was last looked at.
    kvm::Activity activity(VcpuIndex vcpu) const;
    // Returns true if the vCPU waits for something: its last step was a PAUSE, or it is halted.
    bool waits(VcpuIndex vcpu) const;
    // The vCPU's dirty ring is full.
    Result<void> make_room() { return machine_.dirty_pages()->collect(); }

    // ---- In the past

    // Makes KVM's state that of the history's position.
    Result<void> put();
    // The client may have written registers or memory: its changes become part of the history, and what lay
    // ahead is discarded. Returns the number of steps discarded.
    Result<std::uint64_t> take_edits();
    // Before the guest runs on from a position that was put().
    Result<void> leave_past();

  private:
    // What is known of one vCPU's step.
    struct Track {
        machine::VcpuThread& thread;
        StepScope scope;
        snapshot::Depth depth = snapshot::Depth::Everything;
        bool irregular = true;
        Interrupts interrupts = Interrupts::LetIn;
        std::uint64_t started_at = 0;  // RIP before the step
        std::uint64_t accesses = 0;
        std::uint64_t steps = 0;
    };

    // The pages that were written since the last record.
    struct Written final : machine::DirtyPages::Reader {
        void page_written(Gpa page) override { pages.push_back(page); }
        void all_written() override {}  // the owner ends the recording before the machine restarts
        std::vector<Gpa> pages;
    };

    Track& track(VcpuIndex vcpu) { return tracks_[vcpu.value]; }
    const Track& track(VcpuIndex vcpu) const { return tracks_[vcpu.value]; }
    const snapshot::VcpuImage& last(VcpuIndex vcpu) const { return history_->image().vcpu(vcpu); }
    void make_tracks();
    Result<void> collect();
    Result<void> record(VcpuIndex vcpu, snapshot::Depth depth, Change change);
    static bool is_regular(const Track& track, const x86::GeneralRegisters& general);

    machine::Machine& machine_;
    const debug::GuestView& view_;
    snapshot::MachineImager imager_;
    std::vector<Track> tracks_;  // by vCPU
    std::optional<History> history_;
    snapshot::MachineImage next_;  // KVM's state, as far as it was examined
    bool moved_ = false;           // memory was changed by going back or forward
    Written written_;
};

}  // namespace ringside::history
