// Long mode's task state segment. The processor takes the stack for interrupts from user mode from it, and VMX wants
// one to be loaded.
#pragma once

#include <stdint.h>

namespace guest {

// Loads TR. `interrupt_stack` is for interrupts that come from user mode; 0 for a guest without.
void load_task_state(uint64_t interrupt_stack = 0);

uint64_t task_state_address();

}  // namespace guest
