// The stack machine that runs an agent expression, one instruction at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "gdbstub/agent_expression.h"
#include "gdbstub/agent_opcodes.h"

namespace ringside::gdbstub {

class AgentMachine {
  public:
    AgentMachine(std::span<const std::byte> code, AgentContext& context) : code_(code), context_(context) {}

    // To `end`, or to the first failure.
    AgentResult<void> run();
    AgentResult<std::uint64_t> top() const;

  private:
    using Outcome = AgentResult<void>;

    Outcome step(AgentOp op, std::span<const std::byte> operand);
    Outcome unary(AgentOp op, std::uint64_t operand);
    Outcome binary(AgentOp op);
    Outcome divide(AgentOp op, std::uint64_t a, std::uint64_t b);
    Outcome reference(std::size_t bytes);
    Outcome jump(std::uint64_t target, bool taken);
    Outcome stack_op(AgentOp op, std::uint64_t operand);
    Outcome variable(AgentOp op, std::uint16_t number);
    Outcome trace(AgentOp op, std::uint64_t size);
    Outcome print(std::size_t arguments, std::size_t length);

    Outcome push(std::uint64_t value);
    // Returns true if the stack has at least `count` values.
    bool holds(std::size_t count) const { return depth_ >= count; }
    std::uint64_t pop() { return stack_[--depth_]; }
    std::uint64_t& peek(std::size_t below = 0) { return stack_[depth_ - 1 - below]; }

    std::span<const std::byte> code_;
    AgentContext& context_;
    std::size_t pc_ = 0;
    bool ended_ = false;
    std::size_t depth_ = 0;
    std::array<std::uint64_t, kAgentStackSize> stack_;  // the first depth_ are set
};

}  // namespace ringside::gdbstub
