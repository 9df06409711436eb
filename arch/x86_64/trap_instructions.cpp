#include "arch/x86_64/trap_instructions.h"

namespace ringside::x86 {

InterruptShadow interrupt_shadow_behind(std::span<const std::byte, kShadowBytes> before) {
    constexpr std::byte kSti{0xfb}, kPopSs{0x17}, kMovToSegment{0x8e};
    // ModR/M of MOV SS, r16: register form, reg = 2.
    constexpr std::byte kRegisterForm{0xf8}, kSsFromRegister{0xd0};
    if (before[1] == kSti)
        return InterruptShadow::Sti;
    if (before[1] == kPopSs || (before[0] == kMovToSegment && (before[1] & kRegisterForm) == kSsFromRegister))
        return InterruptShadow::MovSs;
    return InterruptShadow::None;
}

// XCHG r/m, r with two registers, both BX: with operands of 16 bits, as a wider one would clear half of a register.
unsigned exchange_stop_length(std::span<const std::byte> code, CpuMode mode) {
    constexpr std::byte kOperandSize{0x66}, kExchange{0x87}, kBxBx{0xdb};
    const std::size_t prefix = default_operand_size(mode) == 2 ? 0 : 1;
    const bool found = code.size() >= prefix + 2 && (prefix == 0 || code[0] == kOperandSize) &&
                       code[prefix] == kExchange && code[prefix + 1] == kBxBx;
    return found ? static_cast<unsigned>(prefix) + 2 : 0;
}

}  // namespace ringside::x86
