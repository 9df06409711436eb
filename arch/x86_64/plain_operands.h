// The registers, memory and stack that one plain instruction works on.
#pragma once

#include "arch/x86_64/arithmetic.h"
#include "arch/x86_64/plain_decode.h"
#include "arch/x86_64/plain_instruction.h"

namespace ringside::x86 {

// The functions that may fail return false, or nullopt, and the instruction is not executed.
class PlainOperands {
  public:
    PlainOperands(std::span<const std::byte> bytes, const GeneralRegisters& general,
                  const SystemRegisters& system, bool long64, PlainMemory& memory)
        : code_(bytes, long64), registers_(general), system_(system), memory_(memory) {}

  protected:
    // All bytes have been read: RIP moves behind the instruction.
    bool end();
    bool go_to(std::uint64_t target);

    // Of the operand that ModRM names: a byte where the opcode's low bit is clear.
    unsigned size() const;
    std::uint64_t get(unsigned number, unsigned bytes);
    bool set(unsigned number, unsigned bytes, std::uint64_t value);
    std::optional<std::uint64_t> load(unsigned bytes);
    bool store(unsigned bytes, std::uint64_t value);

    bool push(std::uint64_t value);
    std::optional<std::uint64_t> pop();

    void read_modrm() { code_.read_modrm(registers_); }
    bool holds() const { return condition_holds(code_.opcode() & 0xf, registers_.rflags); }

    PlainDecoder code_;
    GeneralRegisters registers_;

  private:
    bool is_high_byte(unsigned number, unsigned bytes) const;

    const SystemRegisters& system_;
    PlainMemory& memory_;
};

}  // namespace ringside::x86
