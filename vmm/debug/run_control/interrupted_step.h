// An interrupt or a fault in the middle of a single-step: the processor pushes the flags with the step's
// TF, clears TF, and runs the handler. If stepping ends before the handler returns, IRET restores that TF,
// and the guest gets a #DB that it did not cause. So TF is cleared in the pushed flags.
#pragma once

#include <cstdint>

#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

// The vCPU's state when it was last entered for a single-step.
struct StepOrigin {
    std::uint64_t rip = 0, rsp = 0;
    std::uint16_t cs = 0;
    Gva stack;  // RSP as a linear address

    static StepOrigin from(const x86::GeneralRegisters& general, const x86::SystemRegisters& system);
};

// What to do with TF in flags that were pushed.
enum class PushedTrapFlag : std::uint8_t { Clear, Keep };

// Returns true if flags with TF have been pushed since then. `system` is the vCPU's state now.
bool find_pushed_trap_flag(const GuestView& view, const StepOrigin& origin,
                           const x86::GeneralRegisters& general, const x86::SystemRegisters& system,
                           PushedTrapFlag what = PushedTrapFlag::Clear);

// The same for flags at a known address, as PUSHF or an interrupt has pushed them.
bool find_trap_flag(const GuestView& view, const x86::SystemRegisters& system, Gva flags,
                    PushedTrapFlag what = PushedTrapFlag::Clear);

}  // namespace ringside::debug
