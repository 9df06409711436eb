// The guest's own DR0-DR3 beside the debugger's. KVM_GUESTDBG_USE_HW_BP puts the debugger's DR7 in the place
// of the guest's, whose breakpoints would then never fire: on hosts where that is so, what the guest has
// enabled goes into slots that the debugger leaves free, and its hits are given back to it by its own
// numbers.
#pragma once

#include "arch/x86_64/cpu_state.h"
#include "vmm/debug/breakpoints/slot_setup.h"

namespace ringside::debug {

// Adds the guest's enabled slots, as many as there is room for. False if one of them has found none.
bool add_guest_slots(SlotSetup& setup, const x86::DebugRegisters& own);

// Of the slots of a setup that were hit (a mask, as in DR6), those that are the debugger's.
unsigned debugger_hits(const SlotSetup& setup, unsigned hits);
// And those that are the guest's, by the guest's numbers.
unsigned guest_hits(const SlotSetup& setup, unsigned hits);

}  // namespace ringside::debug
