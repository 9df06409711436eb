// The memory that a decoded instruction accesses: the part of the decoder that knows Capstone's view of operands.
#pragma once

#include <capstone/capstone.h>

#include "arch/x86_64/decode.h"

namespace ringside::x86 {

// `instruction` was decoded with detail on, in the mode of `state`.
MemoryAccesses find_memory_accesses(const cs_insn& instruction, const CpuState& state, RepeatScope scope);

}  // namespace ringside::x86
