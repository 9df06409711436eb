// The #DB and #BP that are the guest's own, given back to it.
#pragma once

#include "vmm/debug/run_control/armed_setup.h"
#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

class GuestTraps {
  public:
    GuestTraps(kvm::VcpuPort& vcpu, ExitRegisters& at, ArmedSetup& armed)
        : vcpu_(vcpu), at_(at), armed_(armed) {}

    // A #DB is to be delivered at the next entry: whatever is stepped goes on in the guest's handler.
    bool debug_exception_pending() const { return pending_; }
    // It may have been delivered meanwhile, by an entry that ended without a debug exit.
    void look();
    void note_debug_exit() { pending_ = false; }

    // #DB with the given causes beside DR6's other bits. The single-step ends first: RFLAGS go to the stack of the
    // guest's handler, with the TF that is the guest's own.
    Result<void> give_debug_exception(std::uint64_t causes, bool guest_trap_flag);
    // The guest's own int3 at RIP. A host that reported it as a debug exit knows the instruction and finishes the
    // injection by itself; one that failed to emulate it needs RIP moved past it.
    Result<void> give_breakpoint();

    // KVM drops TF when single-stepping ends: puts back the guest's own.
    Result<void> end_single_step(bool guest_trap_flag);

  private:
    kvm::VcpuPort& vcpu_;
    ExitRegisters& at_;
    ArmedSetup& armed_;
    bool pending_ = false;
};

}  // namespace ringside::debug
