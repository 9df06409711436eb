// What KVM's single-step leaves in its copy of the VMCS of a guest's guest (L2).
#pragma once

#include <cstdint>

#include "vmm/kvm/nested_state.h"

namespace ringside::kvm {

// L2's own RFLAGS in KVM's copy of its VMCS: while KVM single-steps L2, that copy has the step's TF, and may have the step's
// pending #DB. `rflags` is what KVM_GET_REGS returns, which leaves that TF out.
void hide_single_step(NestedState& state, std::uint64_t rflags);
// Returns true if that may be needed.
bool may_show_single_step(const NestedState& state);

}  // namespace ringside::kvm
