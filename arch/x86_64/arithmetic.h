// Integer arithmetic with its flags, for operands of 1, 2, 4 or 8 bytes (SDM volume 1, 3.4.3.1).
#pragma once

#include <cstdint>

#include "arch/x86_64/control_bits.h"

namespace ringside::x86 {

inline constexpr std::uint64_t kArithmeticFlags =
    rflags::kCf | rflags::kPf | rflags::kAf | rflags::kZf | rflags::kSf | rflags::kOf;

// In the order of their encoding; TEST has one of its own.
enum class Arithmetic : std::uint8_t { Add, Or, Adc, Sbb, And, Sub, Xor, Cmp };

struct ArithmeticResult {
    std::uint64_t value = 0;
    std::uint64_t rflags = 0;
};

// `rflags` supplies the carry, and all flags but the arithmetic ones of the result. AF, which AND, OR and XOR leave
// undefined, is clear behind them, as on every processor there is.
ArithmeticResult calculate(Arithmetic, std::uint64_t a, std::uint64_t b, unsigned size, std::uint64_t rflags);

// INC and DEC, which keep CF.
ArithmeticResult increment(std::uint64_t value, bool down, unsigned size, std::uint64_t rflags);

// The condition of Jcc, SETcc and CMOVcc, by the low four bits of the opcode (SDM volume 1, appendix B).
bool condition_holds(unsigned code, std::uint64_t rflags);

}  // namespace ringside::x86
