// The encoding of one plain instruction: prefixes, opcode, operands and immediates (SDM volume 2, chapter 2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

// A register, or memory at an offset in a flat segment.
struct PlainOperand {
    bool in_memory = false;
    unsigned reg = 0;
    std::uint64_t address = 0;
};

class PlainDecoder {
  public:
    PlainDecoder(std::span<const std::byte> bytes, bool long64) : bytes_(bytes), long64_(long64) {}

    // Reads prefixes and opcode. Returns false for a prefix that no plain instruction has.
    bool begin();
    // 0 to FF, and 100 to 1FF for those behind 0F.
    unsigned opcode() const { return opcode_; }
    bool long64() const { return long64_; }
    bool has_operand_size_prefix() const { return operand_size_; }
    bool has_repeat_prefix() const { return repeat_; }
    std::uint8_t rex() const { return rex_; }
    bool wide() const { return (rex_ & 8) != 0; }
    // Of operands that are not bytes.
    unsigned operand_size() const { return wide() ? 8 : operand_size_ ? 2 : 4; }
    unsigned stack_size() const { return long64_ ? 8 : 4; }
    // A register whose number is in the opcode's low bits.
    unsigned opcode_register() const { return (opcode_ & 7) | (rex_ & 1U) << 3; }

    // Reads ModRM, SIB and displacement. An address relative to RIP still lacks the instruction's end: finish() adds it.
    void read_modrm(const GeneralRegisters& general);
    unsigned digit() const { return modrm_ >> 3 & 7; }
    unsigned reg() const { return digit() | (rex_ & 4U) << 1; }
    // Sign-extended.
    std::uint64_t immediate(unsigned size);
    // After everything was read. Returns the length, nullopt if the bytes have ended before the instruction.
    std::optional<std::uint8_t> finish(std::uint64_t rip);
    const PlainOperand& operand() const { return operand_; }

  private:
    std::uint8_t next();
    std::uint64_t sib_base(const GeneralRegisters& general);

    std::span<const std::byte> bytes_;
    bool long64_;
    std::size_t at_ = 0;
    bool short_ = false;
    bool operand_size_ = false;
    bool repeat_ = false;
    bool relative_ = false;
    std::uint8_t rex_ = 0;
    unsigned opcode_ = 0;
    std::uint8_t modrm_ = 0;
    PlainOperand operand_;
};

}  // namespace ringside::x86
