// A vCPU's general and system registers, as they were at the exit that is being handled.
#pragma once

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/pending_events.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

class ExitRegisters {
  public:
    explicit ExitRegisters(kvm::VcpuPort& vcpu) : vcpu_(vcpu) {}

    x86::GeneralRegisters general;
    x86::SystemRegisters system;

    // From kvm_run if the exit has delivered them, otherwise from KVM.
    Result<void> fetch();
    // The same for what is pending, without the activity. Of a fetched exit, until somebody sets events.
    Result<x86::PendingEvents> events() const;
    void forget_events() { has_events_ = false; }
    Result<void> store_general() { return vcpu_.set_general(general); }
    // Without an ioctl, if this KVM takes registers from kvm_run.
    Result<void> store_general_at_entry();
    Result<void> store_system() { return vcpu_.set_system(system); }

    Gva pc() const { return x86::linear_pc(general, system); }
    bool in_user_mode() const { return x86::privilege_level(general, system) == 3; }
    bool trap_flag() const { return (general.rflags & x86::rflags::kTf) != 0; }
    void set_trap_flag() { general.rflags |= x86::rflags::kTf; }
    void clear_trap_flag() { general.rflags &= ~x86::rflags::kTf; }

  private:
    kvm::VcpuPort& vcpu_;
    bool has_events_ = false;  // kvm_run has those of this exit
};

}  // namespace ringside::debug
