// What a single-step over the next instruction must handle specially. This runs at every step, so it consists of
// a prefix loop and one switch, and neither allocates nor decodes operands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "arch/x86_64/cpu_mode.h"

namespace ringside::x86 {

enum class StepKind : std::uint8_t {
    Ordinary,
    PushFlags,          // PUSHF: a TF that the debugger set would be seen on the stack
    PopFlags,           // POPF: overwrites TF
    SoftwareInterrupt,  // INT n, INT3, INT1, INTO: pushes RFLAGS, clears TF, leaves the instruction stream
    InterruptReturn,    // IRET: overwrites RFLAGS, and the trap may come one instruction later
    Syscall,            // RFLAGS go to R11, TF among them, and are masked
    Sysret,             // RFLAGS come from R11
    Sysenter,           // TF stays set in the kernel
    Sysexit,
    LoadsStackSegment,  // MOV SS, POP SS: debug traps are delayed until after the next instruction
    Halt,
    RepeatedString,  // traps after each iteration, with RIP unchanged
};

struct StepClass {
    StepKind kind = StepKind::Ordinary;
    // Of the whole instruction, in bytes. 0 if finding it would take decoding: for Ordinary and for operands
    // in memory.
    std::uint8_t length = 0;
    // Of a SoftwareInterrupt.
    std::uint8_t vector = 0;
    friend bool operator==(const StepClass&, const StepClass&) = default;
};

// Classifies the instruction at the start of `bytes` (15 suffice). Ordinary if they end too early.
//
// LSS is Ordinary: unlike MOV SS and POP SS it inhibits no debug exception (SDM volume 3, 6.8.3).
StepClass classify(std::span<const std::byte> bytes, CpuMode mode);

enum class SelfJump : std::uint8_t {
    No,
    Yes,
    Unknown,  // an indirect jump
};

// Says if the instruction at RIP is a jump that leads to itself and changes no register. A call is none: it
// changes RSP. `bytes` as for classify().
SelfJump self_jump(std::span<const std::byte> bytes, CpuMode mode, std::uint64_t rip);

}  // namespace ringside::x86
