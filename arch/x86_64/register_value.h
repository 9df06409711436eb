// The value of a register as a number, for conditions and commands that name one.
#pragma once

#include <cstdint>
#include <optional>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/registers.h"

namespace ringside::x86 {

// Returns true for a general or system register of at most 64 bits.
bool has_value(const RegisterInfo& info);
// nullopt for a register that has no such value.
std::optional<std::uint64_t> register_value(const RegisterFile& file, const CpuState& state,
                                            const RegisterInfo& info);

}  // namespace ringside::x86
