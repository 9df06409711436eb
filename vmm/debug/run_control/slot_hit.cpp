#include "vmm/debug/run_control/slot_hit.h"

namespace ringside::debug {

namespace {

// Returns true if a slot that only writes trigger has hit for the same piece of memory.
bool was_written(const DebugPlan& plan, unsigned slot, unsigned hits) {
    for (unsigned other = 0; other < x86::kDebugSlots; ++other) {
        if ((hits & plan.write_slots) >> other & 1 && plan.owner[other] == plan.owner[slot] &&
            plan.slots[other] == plan.slots[slot])
            return true;
    }
    return false;
}

}  // namespace

SlotHit slot_hit(const SlotSetup& armed, const DebugPlan& plan, unsigned hits) {
    SlotHit hit;
    for (unsigned slot = 0; slot < x86::kDebugSlots; ++slot) {
        if ((hits >> slot & 1) == 0)
            continue;
        const bool tables = armed.use[slot] == SlotUse::Plan && plan.owner[slot] != nullptr;
        if (tables && !was_written(plan, slot, hits))
            return {.breakpoint = plan.owner[slot], .use = SlotUse::Plan};
        if (tables)
            hit = {.breakpoint = plan.owner[slot], .use = SlotUse::Plan, .wrote = true};
        else if (hit.breakpoint == nullptr)
            hit.use = armed.use[slot];
    }
    return hit;
}

}  // namespace ringside::debug
