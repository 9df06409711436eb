// The input of KVM_SET_GUEST_DEBUG as a value: the features, and the four debug slots with the user of each.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "arch/x86_64/debug_registers.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/kvm/guest_debug.h"

namespace ringside::debug {

enum class SlotUse : std::uint8_t {
    None,
    Plan,        // a breakpoint or watchpoint of the table
    StepTarget,  // where the instruction being stepped leads
    // The guest's handlers of #DB, #BP and #GP: they catch exceptions of user code on a host that does not report
    // them (user_frame.h).
    DebugHandler,
    BreakpointHandler,
    ProtectionHandler,
    Guest,  // one of the guest's own (guest_slots.h)
};

struct SlotSetup {
    kvm::DebugControl control;
    std::array<std::uint64_t, 4> address{};
    std::array<SlotUse, 4> use{};
    std::array<std::uint8_t, 4> guest_slot{};  // the guest's number of a slot that is the guest's
    x86::Dr7 dr7;

    static SlotSetup from(const DebugPlan& plan) {
        SlotSetup setup;
        setup.address = plan.slots;
        setup.dr7 = plan.dr7;
        for (unsigned i = 0; i < x86::kDebugSlots; ++i)
            setup.use[i] = plan.owner[i] != nullptr ? SlotUse::Plan : SlotUse::None;
        if (plan.int3s)
            setup.report_int3s();
        if (plan.dr7.any_enabled())
            setup.control.add(kvm::DebugFeature::Slots);
        return setup;
    }

    // Puts an execution breakpoint into a free slot; if none is free, into the last one that the table uses. The
    // debugger cannot work without the one added here; the table only misses one of its addresses for a step.
    void add(SlotUse who, x86::Gva target) {
        unsigned slot = x86::kDebugSlots;
        for (unsigned i = 0; i < x86::kDebugSlots && slot == x86::kDebugSlots; ++i) {
            if (use[i] == SlotUse::None)
                slot = i;
        }
        for (unsigned i = x86::kDebugSlots; i-- > 0 && slot == x86::kDebugSlots;) {
            if (use[i] == SlotUse::Plan)
                slot = i;
        }
        if (slot == x86::kDebugSlots)
            return;
        address[slot] = target.value;
        use[slot] = who;
        dr7.enable(slot, x86::DebugCondition::Execute, 1);
        control.add(kvm::DebugFeature::Slots);
    }

    // The execution slots at an address would hit again before the instruction there has been stepped over.
    void leave_out_execution_at(x86::Gva pc) {
        for (unsigned i = 0; i < x86::kDebugSlots; ++i) {
            if (use[i] == SlotUse::None || use[i] == SlotUse::Guest || address[i] != pc.value ||
                dr7.condition(i) != x86::DebugCondition::Execute)
                continue;
            dr7.disable(i);
            address[i] = 0;
            use[i] = SlotUse::None;
        }
        if (!dr7.any_enabled())
            control.remove(kvm::DebugFeature::Slots);
    }

    void report_int3s() { control.add(kvm::DebugFeature::Int3s); }
    // Every #DB exits, also if no slot is set.
    void report_traps() { control.add(kvm::DebugFeature::Slots); }
    void single_step() { control.add(kvm::DebugFeature::SingleStep); }
    void block_interrupts() { control.add(kvm::DebugFeature::BlockInterrupts); }
    bool single_steps() const { return control.has(kvm::DebugFeature::SingleStep); }
    bool blocks_interrupts() const { return control.has(kvm::DebugFeature::BlockInterrupts); }
    bool uses_slots() const { return control.has(kvm::DebugFeature::Slots); }

    friend bool operator==(const SlotSetup&, const SlotSetup&) = default;
};

}  // namespace ringside::debug
