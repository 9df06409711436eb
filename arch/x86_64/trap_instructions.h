// The one-byte instructions that a debugger plants for a breakpoint.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "arch/x86_64/cpu_mode.h"

namespace ringside::x86 {

enum class TrapInstruction : std::uint8_t {
    Int3,
    Halt,  // HLT: causes an exit at CPL 0, and raises #GP elsewhere
    Undefined,  // UDB, opcode D6: raises #UD in 64-bit code, at any CPL. In other code it is SALC, which changes AL
};

constexpr std::byte opcode(TrapInstruction trap) {
    constexpr std::byte kOpcodes[] = {std::byte{0xcc}, std::byte{0xf4}, std::byte{0xd6}};
    return kOpcodes[static_cast<unsigned>(trap)];
}

// "int3", "hlt", "udb"
constexpr const char* name(TrapInstruction trap) {
    constexpr const char* kNames[] = {"int3", "hlt", "udb"};
    return kNames[static_cast<unsigned>(trap)];
}

// The length of an xchg %bx,%bx at the start of `code`, or 0. It does nothing, and Bochs stops at it: guests that were
// written for Bochs use it to ask for a stop.
constexpr std::size_t kExchangeStopBytes = 3;
unsigned exchange_stop_length(std::span<const std::byte> code, CpuMode mode);

// Which instruction before this one keeps interrupts away from it (SDM volume 3, 6.8.3). Judged by the bytes that
// precede it, because one cannot disassemble backwards: what is found here may be the end of something else.
enum class InterruptShadow : std::uint8_t { None, Sti, MovSs };
constexpr std::size_t kShadowBytes = 2;
InterruptShadow interrupt_shadow_behind(std::span<const std::byte, kShadowBytes> before);

}  // namespace ringside::x86
