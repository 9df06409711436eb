// An interrupt or a fault in the middle of a single step: the processor pushes the flags with the step's own
// TF, clears TF, and runs the handler. If the stepping ends before the handler returns, IRET brings that TF
// back, and the guest gets a #DB that nobody can explain to it. So it is taken out of the pushed flags.
#pragma once

#include <cstdint>

#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

// Where the vCPU was when it was last entered to do a single step.
struct StepOrigin {
    std::uint64_t rip = 0, rsp = 0;
    std::uint16_t cs = 0;
    Gva stack;  // RSP as a linear address

    static StepOrigin from(const x86::GeneralRegisters& general, const x86::SystemRegisters& system);
};

// Takes TF out of the flags that were pushed since then, if they were. `system` is the vCPU's state now.
// Whether there were any.
bool hide_pushed_trap_flag(const GuestView& view, const StepOrigin& origin,
                           const x86::GeneralRegisters& general, const x86::SystemRegisters& system);

// Takes TF out of flags that stand in memory, as PUSHF or an interrupt has pushed them. Whether it was set.
bool clear_trap_flag(const GuestView& view, const x86::SystemRegisters& system, Gva flags);

}  // namespace ringside::debug
