// What KVM's single-step leaves in its copy of the VMCS of a guest's guest (L2).
#pragma once

#include <cstdint>

#include "vmm/kvm/nested_state.h"

namespace ringside::kvm {

// Takes the step's TF and its pending #DB out of KVM's copy of L2's VMCS, which has them while KVM single-steps L2. `rflags`
// is what KVM_GET_REGS returns: if it has TF, that is L2's own, and stays.
void hide_single_step(NestedState& state, std::uint64_t rflags);
// Returns true if the copy has a TF, which may be the step's.
bool may_show_single_step(const NestedState& state);

}  // namespace ringside::kvm
