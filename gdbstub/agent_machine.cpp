#include "gdbstub/agent_machine.h"

#include <string_view>
#include <utility>

#include "gdbstub/agent_printf.h"

namespace ringside::gdbstub {
namespace {

tl::unexpected<AgentFailure> fail(AgentFailure failure) {
    return tl::unexpected(failure);
}

// Operands are big-endian on every target.
std::uint64_t big_endian(std::span<const std::byte> bytes) {
    std::uint64_t value = 0;
    for (const std::byte byte : bytes.first(bytes.size() < 8 ? bytes.size() : 8))
        value = (value << 8) | std::to_integer<std::uint64_t>(byte);
    return value;
}

std::uint64_t sign_extend(std::uint64_t value, std::uint64_t bits) {
    if (bits >= 64)
        return value;
    const auto shift = static_cast<unsigned>(64 - bits);
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value << shift) >> shift);
}

std::uint64_t zero_extend(std::uint64_t value, std::uint64_t bits) {
    return bits >= 64 ? value : value & ((std::uint64_t{1} << bits) - 1);
}

// A shift by the word's width or more leaves only the sign: in C++ it is undefined.
std::uint64_t shift(AgentOp op, std::uint64_t value, std::uint64_t count) {
    const auto as_signed = static_cast<std::int64_t>(value);
    switch (op) {
        case AgentOp::Lsh:
            return count < 64 ? value << count : 0;
        case AgentOp::RshUnsigned:
            return count < 64 ? value >> count : 0;
        default:
            return static_cast<std::uint64_t>(as_signed >> (count < 64 ? count : 63));
    }
}

}  // namespace

AgentResult<void> AgentMachine::run() {
    for (std::size_t steps = 0; !ended_; ++steps) {
        if (steps == kAgentStepLimit)
            return fail(AgentFailure::StepLimit);
        if (pc_ >= code_.size())
            return fail(AgentFailure::Truncated);
        const auto byte = std::to_integer<std::uint8_t>(code_[pc_++]);
        const auto operand_size = agent_operand_size(byte);
        if (!operand_size)
            return fail(AgentFailure::BadOpcode);
        if (*operand_size > code_.size() - pc_)
            return fail(AgentFailure::Truncated);
        const auto operand = code_.subspan(pc_, *operand_size);
        pc_ += *operand_size;
        if (const auto done = step(static_cast<AgentOp>(byte), operand); !done)
            return done;
    }
    return {};
}

AgentResult<std::uint64_t> AgentMachine::top() const {
    if (!holds(1))
        return fail(AgentFailure::StackUnderflow);
    return stack_[depth_ - 1];
}

AgentResult<void> AgentMachine::step(AgentOp op, std::span<const std::byte> operand) {
    const std::uint64_t n = big_endian(operand);
    switch (op) {
        case AgentOp::End:
            ended_ = true;
            return {};
        case AgentOp::Const8:
        case AgentOp::Const16:
        case AgentOp::Const32:
        case AgentOp::Const64:
            return push(n);
        case AgentOp::Reg: {
            const auto value = context_.read_register(static_cast<std::uint16_t>(n));
            return value ? push(*value) : fail(AgentFailure::BadRegister);
        }
        case AgentOp::Goto:
            return jump(n, true);
        case AgentOp::IfGoto:
            return holds(1) ? jump(n, pop() != 0) : fail(AgentFailure::StackUnderflow);
        case AgentOp::Ref8:
            return reference(1);
        case AgentOp::Ref16:
            return reference(2);
        case AgentOp::Ref32:
            return reference(4);
        case AgentOp::Ref64:
            return reference(8);
        case AgentOp::LogNot:
        case AgentOp::BitNot:
        case AgentOp::Ext:
        case AgentOp::ZeroExt:
            return unary(op, n);
        case AgentOp::Dup:
        case AgentOp::Pop:
        case AgentOp::Swap:
        case AgentOp::Pick:
        case AgentOp::Rot:
            return stack_op(op, n);
        case AgentOp::GetVariable:
        case AgentOp::SetVariable:
        case AgentOp::TraceVariable:
            return variable(op, static_cast<std::uint16_t>(n));
        case AgentOp::Trace:
        case AgentOp::TraceQuick:
        case AgentOp::TraceNz:
        case AgentOp::Trace16:
            return trace(op, n);
        case AgentOp::Printf:
            return print(static_cast<std::size_t>(n >> 16), static_cast<std::size_t>(n & 0xffff));
        default:
            return binary(op);
    }
}

AgentResult<void> AgentMachine::push(std::uint64_t value) {
    if (depth_ == stack_.size())
        return fail(AgentFailure::StackOverflow);
    stack_[depth_++] = value;
    return {};
}

AgentResult<void> AgentMachine::unary(AgentOp op, std::uint64_t operand) {
    if (!holds(1))
        return fail(AgentFailure::StackUnderflow);
    if ((op == AgentOp::Ext || op == AgentOp::ZeroExt) && operand == 0)
        return fail(AgentFailure::BadOpcode);
    std::uint64_t& value = peek();
    if (op == AgentOp::LogNot)
        value = value == 0 ? 1 : 0;
    else if (op == AgentOp::BitNot)
        value = ~value;
    else
        value = op == AgentOp::Ext ? sign_extend(value, operand) : zero_extend(value, operand);
    return {};
}

AgentResult<void> AgentMachine::binary(AgentOp op) {
    if (!holds(2))
        return fail(AgentFailure::StackUnderflow);
    const std::uint64_t b = pop();
    const std::uint64_t a = pop();
    switch (op) {
        case AgentOp::Add:
            return push(a + b);
        case AgentOp::Sub:
            return push(a - b);
        case AgentOp::Mul:
            return push(a * b);
        case AgentOp::DivSigned:
        case AgentOp::DivUnsigned:
        case AgentOp::RemSigned:
        case AgentOp::RemUnsigned:
            return divide(op, a, b);
        case AgentOp::Lsh:
        case AgentOp::RshSigned:
        case AgentOp::RshUnsigned:
            return push(shift(op, a, b));
        case AgentOp::BitAnd:
            return push(a & b);
        case AgentOp::BitOr:
            return push(a | b);
        case AgentOp::BitXor:
            return push(a ^ b);
        case AgentOp::Equal:
            return push(a == b ? 1 : 0);
        case AgentOp::LessSigned:
            return push(static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b) ? 1 : 0);
        case AgentOp::LessUnsigned:
            return push(a < b ? 1 : 0);
        default:
            return fail(AgentFailure::BadOpcode);
    }
}

AgentResult<void> AgentMachine::divide(AgentOp op, std::uint64_t a, std::uint64_t b) {
    if (b == 0)
        return fail(AgentFailure::DivisionByZero);
    const auto signed_a = static_cast<std::int64_t>(a);
    const auto signed_b = static_cast<std::int64_t>(b);
    switch (op) {
        case AgentOp::DivUnsigned:
            return push(a / b);
        case AgentOp::RemUnsigned:
            return push(a % b);
        // Divided by -1 the most negative number has no quotient: it wraps, as in negation.
        case AgentOp::DivSigned:
            return push(signed_b == -1 ? 0 - a : static_cast<std::uint64_t>(signed_a / signed_b));
        default:
            return push(signed_b == -1 ? 0 : static_cast<std::uint64_t>(signed_a % signed_b));
    }
}

// Targets here are little-endian.
AgentResult<void> AgentMachine::reference(std::size_t bytes) {
    if (!holds(1))
        return fail(AgentFailure::StackUnderflow);
    std::array<std::byte, 8> memory{};
    if (!context_.read_memory(peek(), std::span(memory).first(bytes)))
        return fail(AgentFailure::BadMemory);
    std::uint64_t value = 0;
    for (std::size_t i = bytes; i-- > 0;)
        value = (value << 8) | std::to_integer<std::uint64_t>(memory[i]);
    peek() = value;
    return {};
}

AgentResult<void> AgentMachine::jump(std::uint64_t target, bool taken) {
    if (!taken)
        return {};
    if (target >= code_.size())
        return fail(AgentFailure::BadJump);
    pc_ = static_cast<std::size_t>(target);
    return {};
}

AgentResult<void> AgentMachine::stack_op(AgentOp op, std::uint64_t operand) {
    switch (op) {
        case AgentOp::Dup:
            return holds(1) ? push(peek()) : fail(AgentFailure::StackUnderflow);
        case AgentOp::Pick:  // 0 is the top
            return holds(operand + 1) ? push(peek(operand)) : fail(AgentFailure::StackUnderflow);
        case AgentOp::Pop:
            if (!holds(1))
                return fail(AgentFailure::StackUnderflow);
            pop();
            return {};
        case AgentOp::Swap:
            if (!holds(2))
                return fail(AgentFailure::StackUnderflow);
            std::swap(peek(), peek(1));
            return {};
        default: {  // Rot: a b c -> c a b
            if (!holds(3))
                return fail(AgentFailure::StackUnderflow);
            const std::uint64_t c = peek();
            peek() = peek(1);
            peek(1) = peek(2);
            peek(2) = c;
            return {};
        }
    }
}

AgentResult<void> AgentMachine::variable(AgentOp op, std::uint16_t number) {
    if (op == AgentOp::GetVariable) {
        const auto value = context_.get_variable(number);
        return value ? push(*value) : fail(AgentFailure::BadVariable);
    }
    if (op == AgentOp::TraceVariable)
        return context_.trace_variable(number) ? Outcome{} : fail(AgentFailure::NoTrace);
    if (!holds(1))
        return fail(AgentFailure::StackUnderflow);
    return context_.set_variable(number, peek()) ? Outcome{} : fail(AgentFailure::BadVariable);
}

// trace and tracenz take address and size from the stack; trace_quick and trace16 leave the address there.
AgentResult<void> AgentMachine::trace(AgentOp op, std::uint64_t size) {
    const bool quick = op == AgentOp::TraceQuick || op == AgentOp::Trace16;
    if (!holds(quick ? 1 : 2))
        return fail(AgentFailure::StackUnderflow);
    if (!quick)
        size = pop();
    const std::uint64_t address = quick ? peek() : pop();
    if (op == AgentOp::TraceNz) {  // up to the string's end, which is recorded too
        std::uint64_t length = 0;
        std::byte byte{1};
        while (length < size && length < kMaxAgentString && byte != std::byte{0})
            if (!context_.read_memory(address + length++, std::span(&byte, 1)))
                return fail(AgentFailure::BadMemory);
        size = length;
    }
    return context_.trace_memory(address, size) ? Outcome{} : fail(AgentFailure::NoTrace);
}

// On the stack, from the top: the function and the channel, which are for gdb's own agent, and the arguments.
AgentResult<void> AgentMachine::print(std::size_t arguments, std::size_t length) {
    if (length == 0 || length > code_.size() - pc_)
        return fail(AgentFailure::Truncated);
    const std::string_view format(reinterpret_cast<const char*>(code_.data() + pc_), length);
    pc_ += length;
    if (format.back() != '\0')
        return fail(AgentFailure::BadFormat);
    if (!holds(arguments + 2))
        return fail(AgentFailure::StackUnderflow);
    depth_ -= 2;
    std::array<std::uint64_t, kAgentStackSize> values{};
    for (std::size_t i = 0; i < arguments; ++i)
        values[i] = pop();
    return print_agent_format(format.substr(0, format.find('\0')), std::span(values).first(arguments),
                              context_);
}

}  // namespace ringside::gdbstub
