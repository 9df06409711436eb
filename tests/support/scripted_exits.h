// Turns of a scripted vCPU.
#pragma once

#include "tests/support/scripted_vcpu.h"

namespace ringside::testing {

// The guest has shut down: a triple fault.
inline kvm::RunOutcome shut_down(ScriptedVcpu& vcpu) {
    vcpu.shared().exit_reason = KVM_EXIT_SHUTDOWN;
    return kvm::RunOutcome::Exit;
}

}  // namespace ringside::testing
