#include "arch/x86_64/plain_decode.h"

#include <bit>

#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/prefixes.h"
#include "arch/x86_64/register_numbers.h"

namespace ringside::x86 {

namespace {

std::uint64_t sign_extend(std::uint64_t value, unsigned size) {
    if (size >= 8)
        return value;
    const std::uint64_t sign = std::uint64_t{1} << (8 * size - 1);
    return (value ^ sign) - sign;
}

std::uint64_t value_of(const GeneralRegisters& general, unsigned number) {
    GeneralRegisters copy = general;
    return numbered(copy, number);
}

}  // namespace

std::uint8_t PlainDecoder::next() {
    if (at_ < bytes_.size())
        return std::to_integer<std::uint8_t>(bytes_[at_++]);
    short_ = true;
    return 0;
}

bool PlainDecoder::begin() {
    constexpr std::uint8_t kOperandSize = 0x66, kRepeat = 0xf3, kEscape = 0x0f;
    std::uint8_t byte = next();
    for (; is_legacy_prefix(byte) && !short_; byte = next()) {
        if (byte != kOperandSize && byte != kRepeat)
            return false;
        operand_size_ = operand_size_ || byte == kOperandSize;
        repeat_ = repeat_ || byte == kRepeat;
    }
    if (long64_ && (byte & 0xf0) == 0x40) {
        rex_ = byte;
        byte = next();
    }
    opcode_ = byte == kEscape ? 0x100U | next() : byte;
    return !short_;
}

std::uint64_t PlainDecoder::sib_base(const GeneralRegisters& general) {
    constexpr unsigned kNoIndex = 4;
    const std::uint8_t sib = next();
    const unsigned index = (sib >> 3 & 7U) | (rex_ & 2U) << 2;
    const std::uint64_t scaled = index == kNoIndex ? 0 : value_of(general, index) << (sib >> 6);
    if ((sib & 7) == kRbpNumber && modrm_ >> 6 == 0)
        return scaled + immediate(4);
    return scaled + value_of(general, (sib & 7U) | (rex_ & 1U) << 3);
}

void PlainDecoder::read_modrm(const GeneralRegisters& general) {
    modrm_ = next();
    const unsigned mode = modrm_ >> 6, low = modrm_ & 7U;
    operand_.in_memory = mode != 3;
    operand_.reg = low | (rex_ & 1U) << 3;
    if (!operand_.in_memory)
        return;
    std::uint64_t address = 0;
    if (low == kRspNumber) {
        address = sib_base(general);
    } else if (low == kRbpNumber && mode == 0) {
        relative_ = long64_;
        address = immediate(4);
    } else {
        address = value_of(general, operand_.reg);
    }
    if (mode != 0)
        address += immediate(mode == 1 ? 1 : 4);
    operand_.address = truncate(address, stack_size());
}

std::uint64_t PlainDecoder::immediate(unsigned size) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i)
        value |= std::uint64_t{next()} << 8 * i;
    return sign_extend(value, size);
}

std::optional<std::uint8_t> PlainDecoder::finish(std::uint64_t rip) {
    if (short_)
        return std::nullopt;
    if (relative_)
        operand_.address += rip + at_;
    return static_cast<std::uint8_t>(at_);
}

}  // namespace ringside::x86
