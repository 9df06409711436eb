// Which debug slot's hit is handled, of those that one debug exit reports.
#pragma once

#include <array>

#include "vmm/debug/breakpoints/slot_setup.h"

namespace ringside::debug {

struct SlotHit {
    Breakpoint* breakpoint = nullptr;  // of the table, if that was hit
    SlotUse use = SlotUse::None;
};

// If several slots hit at once, the table's come first: a user asked for them. `hits` has a bit for each slot.
SlotHit slot_hit(const SlotSetup& armed, const std::array<Breakpoint*, x86::kDebugSlots>& owner,
                 unsigned hits);

}  // namespace ringside::debug
