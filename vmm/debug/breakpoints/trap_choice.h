// The instruction that is planted for a breakpoint: int3 where this host reports it, otherwise one whose exit can be
// caught (vmm/debug/host/exit_trap.h).
#pragma once

#include <optional>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/trap_instructions.h"
#include "vmm/base/ids.h"
#include "vmm/debug/host/host_abilities.h"

namespace ringside::debug {

// Only 64-bit code has addresses from here on.
inline constexpr std::uint64_t kHighAddress = std::uint64_t{1} << 32;

struct TrapPlace {
    Gva address;
    Gpa gpa;
    bool user = false;               // user code may run there
    bool user_may_be_32_bit = true;  // according to the guest's set-up; irrelevant if `user` is false
    bool inner = false;              // code of the guest's guest (L2), whose HLTs exit to the guest
};

// `system` is the vCPU through which the breakpoint was set: it decides the code's mode. nullopt if no instruction
// works on this host.
std::optional<x86::TrapInstruction> choose_trap(const HostAbilities& abilities,
                                                const x86::SystemRegisters& system, const TrapPlace& place);

// Returns true if an int3 at a physical address is reported whichever code it is part of. Real mode executes only the
// first MiB, and a ROM below 4 GiB, where the processor starts.
bool int3_works_for_any_code(const HostAbilities& abilities, Gpa gpa);

}  // namespace ringside::debug
