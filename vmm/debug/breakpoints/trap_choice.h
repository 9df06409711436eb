// Which instruction a breakpoint is planted as: int3 where this host reports it, otherwise one whose exit can be caught
// (vmm/debug/host/exit_trap.h).
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
    bool user_may_be_32_bit = true;  // by what the guest has set up; of no interest where `user` is false
};

// `system` is the vCPU that the breakpoint was set through: the code's mode is judged by it. Nothing if no instruction
// would do on this host.
std::optional<x86::TrapInstruction> choose_trap(const HostAbilities& abilities,
                                                const x86::SystemRegisters& system, const TrapPlace& place);

}  // namespace ringside::debug
