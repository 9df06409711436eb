// Where the guest's guest (L2) exits to the guest (L1), its hypervisor: no exit of KVM_RUN reports that.
#pragma once

#include "vmm/base/error.h"

namespace ringside::debug {

// Makes KVM_RUN return, on the calling vCPU's thread, where L2 has exited to L1 and before L1 executes an instruction.
// ExitTrap::take_caught() then returns true. Fails if KVM's tracepoints cannot be used.
Result<void> watch_inner_exits(bool on);
// Returns true if the calling thread does so.
bool inner_exits_watched();
// Returns true if L2 has exited so since the last call, on the calling thread.
bool inner_exit_fired();

}  // namespace ringside::debug
