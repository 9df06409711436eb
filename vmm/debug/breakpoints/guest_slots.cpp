#include "vmm/debug/breakpoints/guest_slots.h"

#include <algorithm>

namespace ringside::debug {

bool add_guest_slots(SlotSetup& setup, const x86::DebugRegisters& own) {
    const auto dr7 = x86::Dr7::from_raw(own.dr7);
    for (unsigned slot = 0; slot < x86::kDebugSlots; ++slot) {
        if (!dr7.enabled(slot))
            continue;
        const auto free = std::ranges::find(setup.use, SlotUse::None);
        if (free == setup.use.end())
            return false;
        const auto place = static_cast<unsigned>(free - setup.use.begin());
        // Meaningless field values (an execution breakpoint of 4 bytes) never fire.
        if (!setup.dr7.enable(place, dr7.condition(slot), dr7.length(slot)))
            continue;
        setup.address[place] = own.dr[slot];
        setup.use[place] = SlotUse::Guest;
        setup.guest_slot[place] = static_cast<std::uint8_t>(slot);
    }
    return true;
}

unsigned debugger_hits(const SlotSetup& setup, unsigned hits) {
    unsigned mask = 0;
    for (unsigned slot = 0; slot < x86::kDebugSlots; ++slot) {
        if (setup.use[slot] != SlotUse::Guest)
            mask |= hits & 1U << slot;
    }
    return mask;
}

unsigned guest_hits(const SlotSetup& setup, unsigned hits) {
    unsigned mask = 0;
    for (unsigned slot = 0; slot < x86::kDebugSlots; ++slot) {
        if (setup.use[slot] == SlotUse::Guest && (hits >> slot & 1) != 0)
            mask |= 1U << setup.guest_slot[slot];
    }
    return mask;
}

}  // namespace ringside::debug
