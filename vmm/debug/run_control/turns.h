// The turns that the vCPUs of a recorded machine take: one steps, the others are parked.
//
// A turn ends after kSteps steps, at a PAUSE, or when the vCPU halts. The next turn goes to the vCPU with the next number
// that does not wait for SIPI. One that is halted has its turn too, since KVM alone knows if an interrupt has come for it: the turn ends
// after kMoment unless one has. So only interrupts from outside make two runs differ in who steps when.
//
// Each vCPU but the one whose turn it is has a suspension of this object's. A turn ends between two steps.
//
// Threading: begin(), end() and resume() are for the server's thread while every vCPU is parked, the rest for the thread of
// the vCPU that is named.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "vmm/kvm/vcpu_events.h"
#include "vmm/machine/kick_timer.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

class Turns {
  public:
    static constexpr unsigned kSteps = 1024;
    static constexpr std::chrono::microseconds kMoment{1000};
    using ActivityOf = std::function<kvm::Activity(VcpuIndex)>;

    explicit Turns(machine::Machine& machine) : machine_(machine) {}

    bool active() const { return active_; }
    VcpuIndex holder() const { return holder_; }

    // From here on they take turns, by what each did when it was last looked at.
    void begin(ActivityOf activity);
    void end();
    // These are about to be resumed, and take turns among themselves. `first` comes first, unless it has just used up a
    // turn: a client that steps one vCPU sees that one move, and does not keep the others from it for ever.
    void resume(std::span<const VcpuIndex> vcpus, std::optional<VcpuIndex> first);

    // The vCPU is about to run after it was parked. A failure is the host's, which has no timers.
    Result<void> entering(VcpuIndex vcpu);
    // The vCPU has made a step. Returns true if its turn is over: it is suspended.
    bool stepped(VcpuIndex vcpu, bool waits);
    // A signal has ended KVM_RUN: perhaps that of the end of a halted vCPU's moment.
    void interrupted(VcpuIndex vcpu);
    // The vCPU has parked.
    void parked(VcpuIndex vcpu);

  private:
    bool can_step(VcpuIndex vcpu) const;
    std::optional<VcpuIndex> next(VcpuIndex after) const;
    void give_up(VcpuIndex vcpu);
    void stop_timer(VcpuIndex vcpu);

    machine::Machine& machine_;
    bool active_ = false;
    ActivityOf activity_;
    std::vector<bool> members_;  // by vCPU: it may run
    std::vector<std::optional<machine::KickTimer>> timers_;
    VcpuIndex holder_;
    std::optional<VcpuIndex> spent_;  // whose turn has ended, until another vCPU has made a step
    unsigned steps_ = 0;
    bool giving_up_ = false;
    bool timing_ = false;
};

}  // namespace ringside::debug
