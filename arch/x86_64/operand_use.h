// How an instruction uses an operand in memory: what Capstone 4 says about it, put right where it errs.
#pragma once

#include <capstone/capstone.h>

#include <cstddef>

namespace ringside::x86 {

// Whether the operand in memory is only computed, hinted at or flushed, but not accessed (LEA, PREFETCH,
// ...).
bool touches_no_memory(unsigned id);

// A string instruction: the only ones that REP repeats.
bool is_string(const cs_insn& instruction);

struct Direction {
    bool read = false;
    bool write = false;
};

// How the operand of that index, which is in memory, is used.
Direction direction(const cs_insn& instruction, std::size_t index);

}  // namespace ringside::x86
