// Executes the instructions that compilers emit most, exactly as a processor does: moves, LEA, integer arithmetic
// without shifts, PUSH, POP, LEAVE, near jumps, calls and returns. A debugger takes a CPU past a breakpoint with it,
// without a step, and without taking the breakpoint out for the other CPUs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "arch/x86_64/address.h"
#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

// Memory by linear address, with the access rights of the CPU. Sizes are 1, 2, 4 and 8 bytes.
class PlainMemory {
  public:
    virtual ~PlainMemory() = default;
    // nullopt if the access could have any other effect than to return what is there: a fault, a device, a watchpoint, an
    // A bit that is not set yet.
    virtual std::optional<std::uint64_t> read(Gva address, unsigned size) = 0;
    // Returns false, without having written, if the same is true of a write. Of an instruction this is the last effect.
    virtual bool write(Gva address, unsigned size, std::uint64_t value) = 0;
};

// Returns the registers behind the instruction at CS:RIP, whose bytes are `bytes`; its effect on memory has happened.
// Returns nullopt, and nothing has happened, for any other instruction, one that would fault, and modes other than
// 64-bit mode and 32-bit code with flat segments. The caller sees to TF, interrupts and the instruction's own page.
std::optional<GeneralRegisters> execute_plain(std::span<const std::byte> bytes,
                                              const GeneralRegisters& general, const SystemRegisters& system,
                                              PlainMemory& memory);

}  // namespace ringside::x86
