#include "arch/x86_64/plain_operands.h"

#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/register_numbers.h"

namespace ringside::x86 {

bool PlainOperands::end() {
    const auto length = code_.finish(registers_.rip);
    return length && go_to(registers_.rip + *length);
}

bool PlainOperands::go_to(std::uint64_t target) {
    registers_.rip = truncate(target, code_.stack_size());
    return !code_.long64() || is_canonical(paging_mode(paging_state(system_)), Gva{target});
}

unsigned PlainOperands::size() const {
    const bool byte = (code_.opcode() & 1) == 0 && (code_.opcode() & 0xf0) != 0x40;
    return byte ? 1 : code_.operand_size();
}

// AH, CH, DH and BH.
bool PlainOperands::is_high_byte(unsigned number, unsigned bytes) const {
    return bytes == 1 && code_.rex() == 0 && number >= 4;
}

std::uint64_t PlainOperands::get(unsigned number, unsigned bytes) {
    if (is_high_byte(number, bytes))
        return truncate(numbered(registers_, number - 4) >> 8, 1);
    return truncate(numbered(registers_, number), bytes);
}

bool PlainOperands::set(unsigned number, unsigned bytes, std::uint64_t value) {
    const unsigned shift = is_high_byte(number, bytes) ? 8 : 0;
    auto& target = numbered(registers_, shift != 0 ? number - 4 : number);
    const std::uint64_t mask = truncate(~std::uint64_t{0}, bytes) << shift;
    target = bytes >= 4 ? truncate(value, bytes) : (target & ~mask) | (value << shift & mask);
    return true;
}

std::optional<std::uint64_t> PlainOperands::load(unsigned bytes) {
    const auto& operand = code_.operand();
    return operand.in_memory ? memory_.read(Gva{operand.address}, bytes) : get(operand.reg, bytes);
}

bool PlainOperands::store(unsigned bytes, std::uint64_t value) {
    const auto& operand = code_.operand();
    return operand.in_memory ? memory_.write(Gva{operand.address}, bytes, truncate(value, bytes))
                             : set(operand.reg, bytes, value);
}

bool PlainOperands::push(std::uint64_t value) {
    const unsigned bytes = code_.stack_size();
    registers_.rsp = truncate(registers_.rsp - bytes, bytes);
    return memory_.write(Gva{registers_.rsp}, bytes, truncate(value, bytes));
}

std::optional<std::uint64_t> PlainOperands::pop() {
    const unsigned bytes = code_.stack_size();
    const auto value = memory_.read(Gva{registers_.rsp}, bytes);
    registers_.rsp = truncate(registers_.rsp + bytes, bytes);
    return value;
}

}  // namespace ringside::x86
