// VM entries and VM exits of a guest that is a hypervisor (L1), as its rules see the exit that a vCPU has just made.
#pragma once

#include <optional>
#include <string>

#include "arch/x86_64/exit_reasons.h"
#include "vmm/base/error.h"
#include "vmm/exits/catch/catch.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

// The hardware exit that parked a vCPU, as far as it is known.
struct LastHardwareExit {
    std::string words;  // "CPUID", with the level that made it and who handled it; empty if it is not known
    std::string entry_failure;  // the check with which KVM refused a VM entry; empty if it did not
    std::optional<x86::HardwareExit> exit;  // as the hardware reported it
    std::string made;                       // the VM exit that KVM has made for L1 since; empty if none
    bool from_l2 = false;                   // L2 made it
    bool entry_failed = false;              // its reason says that the processor has refused a VM entry
};

// The error says why `operation` waits for what cannot come: the guest's processor has neither VMX nor SVM.
Result<void> can_be_hypervisor(const char* operation, const machine::Machine& machine);

// What has happened, in words, if the rule is about it; empty if not. On the vCPU's thread.
std::string describe_transition(exits::CatchSubject wanted, machine::VcpuThread& thread,
                                const machine::Machine& machine, const LastHardwareExit& exit);

}  // namespace ringside::debug
