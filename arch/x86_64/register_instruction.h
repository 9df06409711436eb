// Instructions that access nothing but general registers, RFLAGS and RIP. No setting of VMX or SVM makes a processor exit
// at one of them, so a hypervisor has no reason to execute it in the processor's place.
#pragma once

#include <cstddef>
#include <span>

#include "arch/x86_64/cpu_mode.h"

namespace ringside::x86 {

// Returns true if the instruction at the start of `bytes` is known to be one: moves, integer arithmetic that cannot fault,
// LEA, NOP and near jumps. False if they end too early. Runs at every step: it neither allocates nor decodes operands.
bool uses_only_registers(std::span<const std::byte> bytes, CpuMode mode);

}  // namespace ringside::x86
