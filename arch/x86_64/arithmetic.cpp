#include "arch/x86_64/arithmetic.h"

#include <bit>

#include "arch/x86_64/cpu_mode.h"

namespace ringside::x86 {

namespace {

using rflags::kAf, rflags::kCf, rflags::kOf, rflags::kPf, rflags::kSf, rflags::kZf;

constexpr std::uint64_t flag(std::uint64_t which, bool on) {
    return on ? which : 0;
}

std::uint64_t top_bit(unsigned size) {
    return std::uint64_t{1} << (8 * size - 1);
}

// Those that depend on the result alone.
std::uint64_t result_flags(std::uint64_t value, unsigned size) {
    return flag(kPf, std::popcount(value & 0xff) % 2 == 0) | flag(kZf, value == 0) |
           flag(kSf, (value & top_bit(size)) != 0);
}

ArithmeticResult result(std::uint64_t value, std::uint64_t others, unsigned size, std::uint64_t rflags) {
    return {value, (rflags & ~kArithmeticFlags) | result_flags(value, size) | others};
}

ArithmeticResult add(std::uint64_t a, std::uint64_t b, bool carry, unsigned size, std::uint64_t rflags) {
    const std::uint64_t value = truncate(a + b + (carry ? 1 : 0), size);
    const bool carries = value < a || (carry && value == a);
    const bool overflows = ((a ^ value) & (b ^ value) & top_bit(size)) != 0;
    return result(value, flag(kCf, carries) | ((a ^ b ^ value) & kAf) | flag(kOf, overflows), size, rflags);
}

ArithmeticResult subtract(std::uint64_t a, std::uint64_t b, bool borrow, unsigned size,
                          std::uint64_t rflags) {
    const std::uint64_t value = truncate(a - b - (borrow ? 1 : 0), size);
    const bool borrows = a < b || (borrow && a == b);
    const bool overflows = ((a ^ b) & (a ^ value) & top_bit(size)) != 0;
    return result(value, flag(kCf, borrows) | ((a ^ b ^ value) & kAf) | flag(kOf, overflows), size, rflags);
}

}  // namespace

ArithmeticResult calculate(Arithmetic operation, std::uint64_t a, std::uint64_t b, unsigned size,
                           std::uint64_t rflags) {
    a = truncate(a, size);
    b = truncate(b, size);
    const bool carry = (rflags & kCf) != 0;
    switch (operation) {
        case Arithmetic::Add:
            return add(a, b, false, size, rflags);
        case Arithmetic::Adc:
            return add(a, b, carry, size, rflags);
        case Arithmetic::Sbb:
            return subtract(a, b, carry, size, rflags);
        case Arithmetic::Sub:
        case Arithmetic::Cmp:
            return subtract(a, b, false, size, rflags);
        case Arithmetic::Or:
            return result(a | b, 0, size, rflags);
        case Arithmetic::And:
            return result(a & b, 0, size, rflags);
        case Arithmetic::Xor:
            break;
    }
    return result(a ^ b, 0, size, rflags);
}

ArithmeticResult increment(std::uint64_t value, bool down, unsigned size, std::uint64_t rflags) {
    auto done = calculate(down ? Arithmetic::Sub : Arithmetic::Add, value, 1, size, rflags);
    done.rflags = (done.rflags & ~kCf) | (rflags & kCf);
    return done;
}

bool condition_holds(unsigned code, std::uint64_t rflags) {
    const auto is = [rflags](std::uint64_t which) { return (rflags & which) != 0; };
    const bool less = is(kSf) != is(kOf);
    const bool pairs[] = {is(kOf), is(kCf), is(kZf), is(kCf) || is(kZf),
                          is(kSf), is(kPf), less,    less || is(kZf)};
    const bool negated = (code & 1) != 0;
    return pairs[code >> 1 & 7] != negated;
}

}  // namespace ringside::x86
