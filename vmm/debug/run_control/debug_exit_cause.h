// Sorts debug exits: the debugger's own, those of a step, and the guest's.
#pragma once

#include <cstdint>

#include "vmm/debug/run_control/entry_arming.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/step_engine.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

struct DebugExitCause {
    enum class Kind : std::uint8_t {
        Int3,                 // in memory: planted, or the guest's own
        Echo,                 // the trap of the last step, once more
        DebugRegisterAccess,  // the guest is at a MOV to or from one
        Slots,                // of the debugger: `slots`
        GuestSlots,           // and nothing else
        EarlyTrap,            // before the instruction, which is to be stepped again
        Step,                 // an instruction is done
        GuestTrapFlag,        // neither the client nor the debugger caused it
    };
    Kind kind = Kind::GuestTrapFlag;
    bool stepped = false;  // a single-step has ended here
    unsigned slots = 0;    // the debugger's that have hit (a mask)
    // The guest's own, by its own numbers. They may come with Slots and with each kind after it.
    unsigned guest_slots = 0;
};

// `at` has the registers of the exit, and `step` is the last one. Counts early traps, and forgets an echo that cannot come
// any more: called once for each exit.
DebugExitCause sort_debug_exit(const kvm::DebugExit& exit, const SlotSetup& armed,
                               const GuestDebugRegisters& own, const ExitRegisters& at, StepEngine& step);

}  // namespace ringside::debug
