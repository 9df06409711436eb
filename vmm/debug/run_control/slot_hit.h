// Which debug slot's hit is handled, of those that one debug exit reports.
#pragma once

#include "vmm/debug/breakpoints/slot_setup.h"

namespace ringside::debug {

struct SlotHit {
    Breakpoint* breakpoint = nullptr;  // of the table, if that was hit
    SlotUse use = SlotUse::None;
    bool wrote = false;  // the breakpoint is a read watchpoint, and its memory was written
};

// If several slots hit at once, the table's come first: a user asked for them. Read watchpoints whose memory was written
// come last of them. `hits` has a bit for each slot.
SlotHit slot_hit(const SlotSetup& armed, const DebugPlan& plan, unsigned hits);

}  // namespace ringside::debug
