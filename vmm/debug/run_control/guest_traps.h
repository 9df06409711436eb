// The guest's own #DB and #BP, which are delivered to it.
#pragma once

#include "vmm/debug/run_control/armed_setup.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/guest_debug_registers.h"

namespace ringside::debug {

class GuestTraps {
  public:
    GuestTraps(kvm::VcpuPort& vcpu, ExitRegisters& at, ArmedSetup& armed, const GuestDebugRegisters& own)
        : vcpu_(vcpu), at_(at), armed_(armed), own_(own) {}

    // A #DB is to be delivered at the next entry: a step then continues in the guest's handler.
    bool debug_exception_pending() const { return pending_; }
    // It may have been delivered since, by an entry that ended without a debug exit.
    void look();
    void note_debug_exit() { pending_ = false; }

    // Injects #DB with the given causes, keeping DR6's other bits. The single-step ends first, because RFLAGS are
    // pushed to the stack of the guest's handler, and must contain the guest's own TF.
    Result<void> give_debug_exception(std::uint64_t causes, bool guest_trap_flag);
    // The guest's own int3 at RIP. A host that reported it as a debug exit knows the instruction and completes the
    // injection; on one that failed to emulate it, RIP must be moved past it.
    Result<void> give_breakpoint();

    // A breakpoint is about to be reported or stepped off. If the guest has an execution breakpoint of its own at the
    // address of a planted instruction, it has that #DB behind it: it has priority over what is planted. RF keeps it from
    // coming once more when the instruction itself is executed.
    Result<void> note_delivered(const Breakpoint& breakpoint);

    // KVM clears TF when single-stepping ends: restores the guest's own.
    Result<void> end_single_step(bool guest_trap_flag);

  private:
    kvm::VcpuPort& vcpu_;
    ExitRegisters& at_;
    ArmedSetup& armed_;
    const GuestDebugRegisters& own_;
    bool pending_ = false;
};

}  // namespace ringside::debug
