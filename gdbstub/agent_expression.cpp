#include "gdbstub/agent_expression.h"

#include <bitset>

#include "gdbstub/agent_machine.h"
#include "gdbstub/agent_opcodes.h"
#include "gdbstub/result.h"

namespace ringside::gdbstub {
namespace {

std::size_t operand_at(std::span<const std::byte> code, std::size_t at) {
    return (std::to_integer<std::size_t>(code[at]) << 8) | std::to_integer<std::size_t>(code[at + 1]);
}

bool is_jump(AgentOp op) {
    return op == AgentOp::Goto || op == AgentOp::IfGoto;
}

// The offset of the instruction after the one at `at`.
AgentResult<std::size_t> next_instruction(std::span<const std::byte> code, std::size_t at) {
    const auto byte = std::to_integer<std::uint8_t>(code[at]);
    const auto operand_size = agent_operand_size(byte);
    if (!operand_size)
        return tl::unexpected(AgentFailure::BadOpcode);
    std::size_t size = 1 + *operand_size;
    if (size > code.size() - at)
        return tl::unexpected(AgentFailure::Truncated);
    if (static_cast<AgentOp>(byte) == AgentOp::Printf)
        size += operand_at(code, at + 2);
    if (size > code.size() - at)
        return tl::unexpected(AgentFailure::Truncated);
    return at + size;
}

}  // namespace

std::string_view to_string(AgentFailure failure) {
    switch (failure) {
        case AgentFailure::BadOpcode:
            return "unknown bytecode";
        case AgentFailure::Truncated:
            return "the bytecode ends too early";
        case AgentFailure::BadJump:
            return "a jump to no instruction";
        case AgentFailure::StackOverflow:
            return "the expression is too deep";
        case AgentFailure::StackUnderflow:
            return "the expression takes more than it has put";
        case AgentFailure::StepLimit:
            return "the expression runs too long";
        case AgentFailure::DivisionByZero:
            return "division by zero";
        case AgentFailure::BadRegister:
            return "a register has no value";
        case AgentFailure::BadMemory:
            return "memory cannot be read";
        case AgentFailure::BadVariable:
            return "no such trace state variable";
        case AgentFailure::NoTrace:
            return "nothing is traced here";
        case AgentFailure::BadFormat:
            return "the printf format is not supported";
    }
    return "unknown failure";
}

AgentResult<void> verify_agent_expression(std::span<const std::byte> code) {
    if (code.empty() || code.size() > kAgentMaxCode)
        return tl::unexpected(AgentFailure::Truncated);
    std::bitset<kAgentMaxCode> starts;
    for (std::size_t at = 0; at < code.size();) {
        starts.set(at);
        at = STUB_TRY(next_instruction(code, at));
    }
    for (std::size_t at = 0; at < code.size(); at = *next_instruction(code, at))
        if (is_jump(static_cast<AgentOp>(code[at])) && !starts.test(operand_at(code, at + 1)))
            return tl::unexpected(AgentFailure::BadJump);
    return {};
}

AgentResult<std::uint64_t> evaluate_agent_expression(std::span<const std::byte> code, AgentContext& context) {
    AgentMachine machine(code, context);
    STUB_TRY(machine.run());
    return machine.top();
}

AgentResult<void> run_agent_command(std::span<const std::byte> code, AgentContext& context) {
    return AgentMachine(code, context).run();
}

}  // namespace ringside::gdbstub
