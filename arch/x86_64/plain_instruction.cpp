#include "arch/x86_64/plain_instruction.h"

#include <algorithm>

#include "arch/x86_64/arithmetic.h"
#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/plain_operands.h"
#include "arch/x86_64/register_numbers.h"

namespace ringside::x86 {

namespace {

class Execution : private PlainOperands {
  public:
    using PlainOperands::PlainOperands;

    std::optional<GeneralRegisters> run() {
        if (!code_.begin() || !execute())
            return std::nullopt;
        registers_.rflags &= ~rflags::kRf;
        return registers_;
    }

  private:
    static constexpr unsigned kEndbr = 0x11e;

    bool execute() {
        const unsigned opcode = code_.opcode();
        if (code_.has_repeat_prefix())
            return opcode == kEndbr && no_operation_with_register();
        if (opcode < 0x40 && (opcode & 7) < 6)
            return arithmetic();
        if (opcode >= 0x100)
            return two_bytes();
        switch (opcode & 0xf0) {
            case 0x40:  // REX in 64-bit mode
                return step_register();
            case 0x50:
                return stack_operand();
            case 0x70:
                return jump_if(1);
            case 0xb0:
                return move_immediate();
            default:
                return other();
        }
    }

    bool other() {
        switch (code_.opcode()) {
            case 0x63:
                return code_.long64() && code_.wide() && extend(4, true);
            case 0x68:
                return push_immediate(4);
            case 0x6a:
                return push_immediate(1);
            case 0x80:
            case 0x81:
            case 0x83:
                return arithmetic_immediate();
            case 0x84:
            case 0x85:
                return test_register();
            case 0x88:
            case 0x89:
            case 0x8a:
            case 0x8b:
                return move();
            case 0x8d:
                return load_address();
            case 0x90:
                return (code_.rex() & 1) == 0 && end();
            case 0xa8:
            case 0xa9:
                return test_accumulator();
            case 0xc3:
                return near_return();
            case 0xc6:
            case 0xc7:
                return store_immediate();
            case 0xc9:
                return leave();
            case 0xe8:
                return call();
            case 0xe9:
                return jump_if(4, true);
            case 0xeb:
                return jump_if(1, true);
            case 0xf6:
            case 0xf7:
                return unary();
            case 0xfe:
            case 0xff:
                return step_operand();
            default:
                return false;
        }
    }

    bool two_bytes() {
        switch (code_.opcode()) {
            case 0x11f:
                return end_behind_modrm();
            case 0x1b6:
            case 0x1b7:
                return extend(code_.opcode() == 0x1b6 ? 1 : 2, false);
            case 0x1be:
            case 0x1bf:
                return extend(code_.opcode() == 0x1be ? 1 : 2, true);
            default:
                break;
        }
        switch (code_.opcode() & 0x1f0) {
            case 0x140:
                return move_if();
            case 0x180:
                return jump_if(4);
            case 0x190:
                return end_behind_modrm() && store(1, holds() ? 1 : 0);
            default:
                return false;
        }
    }

    bool end_behind_modrm() {
        read_modrm();
        return end();
    }

    // ---- Moves

    bool move() {
        if (!end_behind_modrm())
            return false;
        if ((code_.opcode() & 2) == 0)
            return store(size(), get(code_.reg(), size()));
        const auto value = load(size());
        return value && set(code_.reg(), size(), *value);
    }
    bool move_immediate() {
        const unsigned bytes = (code_.opcode() & 8) != 0 ? code_.operand_size() : 1;
        const std::uint64_t value = code_.immediate(bytes);
        return end() && set(code_.opcode_register(), bytes, value);
    }
    bool store_immediate() {
        read_modrm();
        const std::uint64_t value = code_.immediate(std::min(size(), 4U));
        return code_.digit() == 0 && end() && store(size(), value);
    }
    bool load_address() {
        read_modrm();
        return code_.operand().in_memory && end() && set(code_.reg(), size(), code_.operand().address);
    }
    bool extend(unsigned from, bool with_sign) {
        if (!end_behind_modrm())
            return false;
        auto value = load(from);
        if (!value)
            return false;
        const std::uint64_t sign = std::uint64_t{1} << (8 * from - 1);
        return set(code_.reg(), code_.operand_size(), with_sign ? (*value ^ sign) - sign : *value);
    }
    // The operand is read, and the upper half of a 32-bit register cleared, whether or not the condition holds.
    bool move_if() {
        if (!end_behind_modrm())
            return false;
        const unsigned bytes = code_.operand_size();
        const auto value = load(bytes);
        return value && set(code_.reg(), bytes, holds() ? *value : get(code_.reg(), bytes));
    }
    // ENDBR, while CR4.CET is clear.
    bool no_operation_with_register() {
        constexpr unsigned kEndbrReg = 7, kEndbr64 = 2, kEndbr32 = 3;
        read_modrm();
        const auto& operand = code_.operand();
        return !operand.in_memory && code_.rex() == 0 && !code_.has_operand_size_prefix() &&
               code_.digit() == kEndbrReg && (operand.reg == kEndbr64 || operand.reg == kEndbr32) && end();
    }

    // ---- Arithmetic

    std::uint64_t keep_flags(const ArithmeticResult& result) {
        registers_.rflags = result.rflags;
        return result.value;
    }
    std::uint64_t step(unsigned bytes, std::uint64_t value, bool down) {
        return keep_flags(increment(value, down, bytes, registers_.rflags));
    }
    ArithmeticResult compute(Arithmetic operation, std::uint64_t a, std::uint64_t b) const {
        return calculate(operation, a, b, size(), registers_.rflags);
    }
    bool arithmetic() {
        const auto operation = static_cast<Arithmetic>(code_.opcode() >> 3);
        if ((code_.opcode() & 4) != 0) {  // AL or eAX, and an immediate
            const std::uint64_t value = code_.immediate(std::min(size(), 4U));
            if (!end())
                return false;
            const std::uint64_t result = keep_flags(compute(operation, get(0, size()), value));
            return operation == Arithmetic::Cmp || set(0, size(), result);
        }
        if (!end_behind_modrm())
            return false;
        if ((code_.opcode() & 2) == 0)
            return change(operation, get(code_.reg(), size()));
        const auto value = load(size());
        if (!value)
            return false;
        const std::uint64_t result = keep_flags(compute(operation, get(code_.reg(), size()), *value));
        return operation == Arithmetic::Cmp || set(code_.reg(), size(), result);
    }
    bool arithmetic_immediate() {
        read_modrm();
        const std::uint64_t value = code_.immediate(code_.opcode() == 0x83 ? 1 : std::min(size(), 4U));
        return end() && change(static_cast<Arithmetic>(code_.digit()), value);
    }
    // The operand is the target as well.
    bool change(Arithmetic operation, std::uint64_t by) {
        const auto value = load(size());
        if (!value)
            return false;
        const std::uint64_t result = keep_flags(compute(operation, *value, by));
        return operation == Arithmetic::Cmp || store(size(), result);
    }
    bool test(std::uint64_t a, std::uint64_t b) {
        keep_flags(compute(Arithmetic::And, a, b));
        return true;
    }
    bool test_register() {
        if (!end_behind_modrm())
            return false;
        const auto value = load(size());
        return value && test(*value, get(code_.reg(), size()));
    }
    bool test_accumulator() {
        const std::uint64_t value = code_.immediate(std::min(size(), 4U));
        return end() && test(get(0, size()), value);
    }
    // TEST, NOT and NEG; the others multiply and divide.
    bool unary() {
        read_modrm();
        const unsigned digit = code_.digit();
        const std::uint64_t immediate = digit == 0 ? code_.immediate(std::min(size(), 4U)) : 0;
        if (digit == 1 || digit > 3 || !end())
            return false;
        const auto value = load(size());
        if (!value)
            return false;
        if (digit == 0)
            return test(*value, immediate);
        return store(size(), digit == 2 ? ~*value : keep_flags(compute(Arithmetic::Sub, 0, *value)));
    }
    bool step_register() {
        const unsigned number = code_.opcode_register();
        const bool down = (code_.opcode() & 8) != 0;
        return end() && set(number, size(), step(size(), get(number, size()), down));
    }
    bool step_operand() {
        read_modrm();
        if (code_.digit() > 1 || !end())
            return false;
        const auto value = load(size());
        return value && store(size(), step(size(), *value, code_.digit() == 1));
    }

    // ---- Stack and jumps. With an operand-size prefix processors differ.

    bool stack_operand() {
        if (code_.has_operand_size_prefix() || !end())
            return false;
        const unsigned number = code_.opcode_register(), bytes = code_.stack_size();
        if ((code_.opcode() & 8) == 0)
            return push(get(number, bytes));
        const auto value = pop();
        return value && set(number, bytes, *value);
    }
    bool push_immediate(unsigned bytes) {
        const std::uint64_t value = code_.immediate(bytes);
        return !code_.has_operand_size_prefix() && end() && push(value);
    }
    bool leave() {
        if (code_.has_operand_size_prefix() || !end())
            return false;
        registers_.rsp = registers_.rbp;
        const auto value = pop();
        return value && set(kRbpNumber, code_.stack_size(), *value);
    }
    bool jump_if(unsigned bytes, bool always = false) {
        const std::uint64_t distance = code_.immediate(bytes);
        if (code_.has_operand_size_prefix() || !end())
            return false;
        return (!always && !holds()) || go_to(registers_.rip + distance);
    }
    bool call() {
        const std::uint64_t distance = code_.immediate(4);
        if (code_.has_operand_size_prefix() || !end())
            return false;
        const std::uint64_t behind = registers_.rip;
        return go_to(behind + distance) && push(behind);
    }
    bool near_return() {
        if (code_.has_operand_size_prefix() || !end())
            return false;
        const auto target = pop();
        return target && go_to(*target);
    }
};

// From 0 to 4 GiB: offsets are linear addresses, and no limit is ever passed.
bool is_flat(const Segment& segment) {
    return segment.present != 0 && segment.unusable == 0 && segment.s != 0 && segment.base == 0 &&
           segment.limit == 0xffffffff;
}

// Such a segment of data that can be written and does not expand down.
bool is_flat_data(const Segment& segment) {
    constexpr unsigned kCode = 8, kExpandDown = 4, kWritable = 2;
    return is_flat(segment) && (segment.type & (kCode | kExpandDown | kWritable)) == kWritable;
}

}  // namespace

std::optional<GeneralRegisters> execute_plain(std::span<const std::byte> bytes,
                                              const GeneralRegisters& general, const SystemRegisters& system,
                                              PlainMemory& memory) {
    if ((system.cr4 & cr4::kCet) != 0)
        return std::nullopt;
    const CpuMode mode = cpu_mode(general, system);
    const bool long64 = mode == CpuMode::Long64;
    const bool flat32 = (mode == CpuMode::Protected32 || mode == CpuMode::Compatibility32) &&
                        is_flat(system.cs) && is_flat_data(system.ds) && is_flat_data(system.ss) &&
                        system.ss.db != 0;
    if (!long64 && !flat32)
        return std::nullopt;
    return Execution(bytes, general, system, long64, memory).run();
}

}  // namespace ringside::x86
