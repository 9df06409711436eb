#include "arch/x86_64/instruction_effects.h"

#include <array>
#include <optional>

#include "arch/x86_64/prefixes.h"

namespace ringside::x86 {

namespace {

// NOLINTBEGIN(readability-identifier-naming): as wide as a column of the table
constexpr auto G = Effects::GeneralRegisters;
constexpr auto S = Effects::SystemRegisters;
constexpr auto A = Effects::Anything;
// NOLINTEND(readability-identifier-naming)

// Opcodes whose effects depend on ModRM are decided apart. In 64-bit mode 0x40-0x4f are prefixes, and the opcodes that do
// not exist there fault.
// clang-format off
constexpr std::array<Effects, 256> kOneByte{
    //0 1  2  3  4  5  6  7  8  9  a  b  c  d  e  f
    G, G, G, G, G, G, G, S, G, G, G, G, G, G, G, A,  // 00: ADD, OR, PUSH/POP segment
    G, G, G, G, G, G, G, S, G, G, G, G, G, G, G, S,  // 10
    G, G, G, G, G, G, A, G, G, G, G, G, G, G, A, G,  // 20
    G, G, G, G, G, G, A, G, G, G, G, G, G, G, A, G,  // 30
    G, G, G, G, G, G, G, G, G, G, G, G, G, G, G, G,  // 40: INC, DEC
    G, G, G, G, G, G, G, G, G, G, G, G, G, G, G, G,  // 50: PUSH, POP
    G, G, A, G, A, A, A, A, G, G, G, G, A, A, A, A,  // 60
    G, G, G, G, G, G, G, G, G, G, G, G, G, G, G, G,  // 70: Jcc
    G, G, G, G, G, G, G, G, G, G, G, G, G, G, S, A,  // 80: 8E MOV to a segment
    G, G, G, G, G, G, G, G, G, G, S, A, G, S, G, G,  // 90: 9A CALL far, 9D POPF
    G, G, G, G, G, G, G, G, G, G, G, G, G, G, G, G,  // a0
    G, G, G, G, G, G, G, G, G, G, G, G, G, G, G, G,  // b0
    G, G, G, G, A, A, G, G, G, G, S, S, S, S, S, S,  // c0: far returns, INT, IRET
    G, G, G, G, G, G, A, G, A, A, A, A, A, A, A, A,  // d0
    G, G, G, G, A, A, A, A, G, G, S, G, A, A, A, A,  // e0: IN, OUT, JMP far
    A, S, A, A, A, G, G, G, G, G, S, S, G, G, G, A,  // f0: FA CLI, FB STI, FF by ModRM
};
// clang-format on

// Behind 0F, where a prefix of 66, F2 or F3 makes no vector instruction of it.
Effects two_byte(std::uint8_t opcode, std::uint8_t modrm) {
    const bool memory = modrm < 0xc0;
    const unsigned reg = modrm >> 3 & 7;
    if ((opcode >= 0x40 && opcode <= 0x4f) || (opcode >= 0x80 && opcode <= 0x9f) || opcode >= 0xc8)
        return opcode <= 0xcf ? G : A;  // CMOV, Jcc, SETcc, BSWAP
    switch (opcode) {
        case 0x05:  // SYSCALL and its kind
        case 0x07:
        case 0x34:
        case 0x35:
        case 0xa1:  // POP FS, GS; LSS, LFS, LGS
        case 0xa9:
        case 0xb2:
        case 0xb4:
        case 0xb5:
            return S;
        case 0x0d:  // PREFETCH and NOP
        case 0x18:
        case 0x19:
        case 0x1a:
        case 0x1b:
        case 0x1c:
        case 0x1d:
        case 0x1e:
        case 0x1f:
        case 0x20:  // MOV from a control register
        case 0x31:  // RDTSC
        case 0xa0:  // PUSH FS, GS
        case 0xa8:
        case 0xa2:  // CPUID
        case 0xa3:  // bits and shifts
        case 0xa4:
        case 0xa5:
        case 0xab:
        case 0xac:
        case 0xad:
        case 0xaf:  // IMUL
        case 0xb0:  // CMPXCHG, BTR
        case 0xb1:
        case 0xb3:
        case 0xb6:  // MOVZX, POPCNT, bit tests, MOVSX
        case 0xb7:
        case 0xb8:
        case 0xba:
        case 0xbb:
        case 0xbc:
        case 0xbd:
        case 0xbe:
        case 0xbf:
        case 0xc0:  // XADD, MOVNTI
        case 0xc1:
        case 0xc3:
        case 0x21:  // MOV from a debug register
            return G;
        case 0xae:  // fences; CLFLUSH
            return (!memory && reg >= 5) || (memory && reg == 7) ? G : A;
        case 0xc7:  // CMPXCHG8B
            return memory && reg == 1 ? G : A;
        default:
            return A;
    }
}

Effects by_modrm(std::uint8_t opcode, std::uint8_t modrm) {
    const unsigned reg = modrm >> 3 & 7;
    switch (opcode) {
        case 0x8f:  // POP; XOP otherwise
        case 0xc6:  // MOV; XABORT and XBEGIN otherwise
        case 0xc7:
            return reg == 0 ? G : A;
        default:  // FF: INC, DEC, near and far CALL and JMP, PUSH
            return reg == 3 || reg == 5 ? S : reg == 7 ? A : G;
    }
}

}  // namespace

Effects effects(std::span<const std::byte> bytes, CpuMode mode) {
    std::size_t at = 0;
    const auto next = [&]() -> std::optional<std::uint8_t> {
        return at < bytes.size() ? std::optional(std::to_integer<std::uint8_t>(bytes[at++])) : std::nullopt;
    };
    bool repeat = false;
    auto opcode = next();
    for (; opcode && is_legacy_prefix(*opcode); opcode = next())
        repeat = repeat || *opcode >= 0xf2;
    while (opcode && mode == CpuMode::Long64 && (*opcode & 0xf0) == 0x40)
        opcode = next();
    if (!opcode)
        return A;
    if (*opcode == 0x0f) {
        const auto second = next();
        const auto modrm = next();
        if (!second)
            return A;
        // F2/F3 0F C7 and AE are RDPID, RDFSBASE and the like.
        if (repeat && (*second == 0xc7 || *second == 0xae || *second == 0xc3))
            return A;
        return two_byte(*second, modrm.value_or(0));
    }
    if (*opcode == 0x8f || *opcode == 0xc6 || *opcode == 0xc7 || *opcode == 0xff) {
        const auto modrm = next();
        return modrm ? by_modrm(*opcode, *modrm) : A;
    }
    return kOneByte[*opcode];
}

}  // namespace ringside::x86
