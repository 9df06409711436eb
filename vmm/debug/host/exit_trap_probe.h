// Measures if KVM_RUN returns at the exit of a planted instruction on this host (exit_trap.h).
#pragma once

#include "vmm/debug/host/exit_trap.h"
#include "vmm/kvm/system.h"

namespace ringside::debug {

// None works on a host that does not let this process see its exits.
Result<ExitTraps> probe_exit_traps(const kvm::System& system);

}  // namespace ringside::debug
