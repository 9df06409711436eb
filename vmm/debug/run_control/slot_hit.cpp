#include "vmm/debug/run_control/slot_hit.h"

namespace ringside::debug {

SlotHit slot_hit(const SlotSetup& armed, const std::array<Breakpoint*, x86::kDebugSlots>& owner,
                 unsigned hits) {
    SlotHit hit;
    for (unsigned slot = 0; slot < x86::kDebugSlots; ++slot) {
        if ((hits >> slot & 1) == 0)
            continue;
        hit.use = armed.use[slot];
        if (hit.use == SlotUse::Plan && owner[slot] != nullptr) {
            hit.breakpoint = owner[slot];
            break;
        }
    }
    return hit;
}

}  // namespace ringside::debug
