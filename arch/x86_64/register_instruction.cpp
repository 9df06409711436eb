#include "arch/x86_64/register_instruction.h"

#include <array>
#include <cstdint>
#include <optional>

#include "arch/x86_64/prefixes.h"

namespace ringside::x86 {

namespace {

enum class Form : std::uint8_t {
    No,        // accesses more, or is not known
    Yes,       // has no operand in memory
    Register,  // if ModRM names a register
    Memory,    // LEA: if ModRM names memory, which is not accessed
    Group,     // see group()
};

// NOLINTBEGIN(readability-identifier-naming): as wide as a column of the table
constexpr auto N = Form::No;
constexpr auto Y = Form::Yes;
constexpr auto R = Form::Register;
constexpr auto M = Form::Memory;
constexpr auto G = Form::Group;
// NOLINTEND(readability-identifier-naming)

// Opcodes that do not exist in 64-bit mode count as No, except 40-4F, which are prefixes there.
// clang-format off
constexpr std::array<Form, 256> kOneByte{
    //0 1  2  3  4  5  6  7  8  9  a  b  c  d  e  f
    R, R, R, R, Y, Y, N, N, R, R, R, R, Y, Y, N, N,  // 00: ADD, OR
    R, R, R, R, Y, Y, N, N, R, R, R, R, Y, Y, N, N,  // 10: ADC, SBB
    R, R, R, R, Y, Y, N, N, R, R, R, R, Y, Y, N, N,  // 20: AND, SUB
    R, R, R, R, Y, Y, N, N, R, R, R, R, Y, Y, N, N,  // 30: XOR, CMP
    Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y,  // 40: INC, DEC
    N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,  // 50
    N, N, N, N, N, N, N, N, N, R, N, R, N, N, N, N,  // 60: IMUL
    Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y,  // 70: Jcc
    R, R, N, R, R, R, R, R, R, R, R, R, N, M, N, N,  // 80: TEST, XCHG, MOV, LEA
    Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, N, N, N, N, N, N,  // 90: XCHG, CBW, CWD
    N, N, N, N, N, N, N, N, Y, Y, N, N, N, N, N, N,  // a0: TEST
    Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y,  // b0: MOV
    R, R, N, N, N, N, G, G, N, N, N, N, N, N, N, N,  // c0: shifts, MOV
    R, R, R, R, N, N, N, N, N, N, N, N, N, N, N, N,  // d0: shifts
    Y, Y, Y, Y, N, N, N, N, N, Y, N, Y, N, N, N, N,  // e0: LOOP, JCXZ, JMP
    N, N, N, N, N, Y, G, G, Y, Y, N, N, Y, Y, G, G,  // f0: CMC, CLC, STC, CLD, STD
};
// clang-format on

Form two_byte(std::uint8_t opcode) {
    if ((opcode >= 0x80 && opcode <= 0x8f) || (opcode >= 0xc8 && opcode <= 0xcf) || opcode == 0x1f)
        return Y;  // Jcc, BSWAP, and NOP, which does not access its operand
    if ((opcode >= 0x40 && opcode <= 0x4f) || (opcode >= 0x90 && opcode <= 0x9f))
        return R;  // CMOVcc, SETcc
    switch (opcode) {
        case 0xa3:  // BT, BTS, BTR, BTC
        case 0xab:
        case 0xb3:
        case 0xbb:
        case 0xa4:  // SHLD, SHRD
        case 0xa5:
        case 0xac:
        case 0xad:
        case 0xaf:  // IMUL
        case 0xb6:  // MOVZX
        case 0xb7:
        case 0xbe:  // MOVSX
        case 0xbf:
            return R;
        default:
            return N;
    }
}

// Returns true if ModRM's reg field names one that accesses only its operand, and cannot fault.
bool group(std::uint8_t opcode, unsigned reg) {
    switch (opcode) {
        case 0xc6:  // MOV; XABORT and XBEGIN otherwise
        case 0xc7:
            return reg == 0;
        case 0xf6:  // TEST, NOT, NEG, MUL, IMUL; DIV otherwise
        case 0xf7:
            return reg <= 5;
        default:  // FE, FF: INC, DEC
            return reg <= 1;
    }
}

bool fits(Form form, std::uint8_t opcode, std::uint8_t modrm) {
    const bool in_register = modrm >= 0xc0;
    switch (form) {
        case Form::Register:
            return in_register;
        case Form::Memory:
            return !in_register;
        case Form::Group:
            return in_register && group(opcode, (modrm >> 3) & 7U);
        default:
            return false;
    }
}

}  // namespace

bool uses_only_registers(std::span<const std::byte> bytes, CpuMode mode) {
    std::size_t at = 0;
    const auto next = [&]() -> std::optional<std::uint8_t> {
        return at < bytes.size() ? std::optional(std::to_integer<std::uint8_t>(bytes[at++])) : std::nullopt;
    };
    auto opcode = next();
    for (; opcode && is_prefix(*opcode, mode); opcode = next()) {
        // With LOCK a register operand faults; with REP a NOP is PAUSE, which can exit.
        if (*opcode >= 0xf0)
            return false;
    }
    if (!opcode)
        return false;
    const bool escaped = *opcode == 0x0f;
    if (escaped)
        opcode = next();
    if (!opcode)
        return false;
    if (!escaped && *opcode == 0x63)  // MOVSXD; ARPL otherwise
        return mode == CpuMode::Long64 && fits(R, *opcode, next().value_or(0));
    const Form form = escaped ? two_byte(*opcode) : kOneByte[*opcode];
    if (form == Form::Yes || form == Form::No)
        return form == Form::Yes;
    const auto modrm = next();
    return modrm && fits(form, *opcode, *modrm);
}

}  // namespace ringside::x86
