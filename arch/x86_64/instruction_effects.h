// The extent of an instruction's effects, by its opcode alone: it tells a recording what to examine after a step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "arch/x86_64/cpu_mode.h"

namespace ringside::x86 {

enum class Effects : std::uint8_t {
    GeneralRegisters,  // general registers, RIP, RFLAGS and memory; no more
    SystemRegisters,   // segments and what blocks interrupts, too
    Anything,          // vector registers, MSRs, ports, ...: everything that is not known to be less
};

// Of the instruction at the start of `bytes` (15 suffice); Anything if they end too early.
Effects effects(std::span<const std::byte> bytes, CpuMode mode);

}  // namespace ringside::x86
