// The guest's own DR0-DR3 together with the debugger's. KVM_GUESTDBG_USE_HW_BP replaces the guest's DR7 by the
// debugger's, so the guest's breakpoints would never fire. On hosts where that is so, the guest's enabled
// breakpoints go into slots that the debugger leaves free, and its hits are delivered to it under its own
// numbers.
#pragma once

#include "arch/x86_64/cpu_state.h"
#include "vmm/debug/breakpoints/slot_setup.h"

namespace ringside::debug {

// Adds the guest's enabled slots, as many as there is room for. Returns false if there was no room for one.
bool add_guest_slots(SlotSetup& setup, const x86::DebugRegisters& own);

// Of the slots of a setup that were hit (a mask, as in DR6), those that are the debugger's.
unsigned debugger_hits(const SlotSetup& setup, unsigned hits);
// And those that are the guest's, by the guest's numbers.
unsigned guest_hits(const SlotSetup& setup, unsigned hits);

}  // namespace ringside::debug
