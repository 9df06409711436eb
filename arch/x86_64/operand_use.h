// How an instruction uses an operand in memory: Capstone 4's answer, corrected where it is wrong.
#pragma once

#include <capstone/capstone.h>

#include <cstddef>

namespace ringside::x86 {

// Returns true if the instruction only computes, hints at or flushes the operand's address and does not
// access the memory (LEA, PREFETCH, ...).
bool touches_no_memory(unsigned id);

// A string instruction: the only ones that REP repeats.
bool is_string(const cs_insn& instruction);

// INS or OUTS: a string instruction that accesses a port.
bool is_port_string(const cs_insn& instruction);

struct Direction {
    bool read = false;
    bool write = false;
};

// How the instruction uses the operand with that index, which is in memory.
Direction direction(const cs_insn& instruction, std::size_t index);

}  // namespace ringside::x86
