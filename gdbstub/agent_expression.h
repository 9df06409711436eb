// gdb's agent expressions: breakpoint conditions and commands as bytecode (gdb manual, appendix "The GDB
// Agent Expression Mechanism").
//
// Pure and bounded: no allocation, a fixed stack and a limit of steps, so that a vCPU thread may run one
// between two guest instructions. The bytes come from the client and are not trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

namespace ringside::gdbstub {

enum class AgentFailure : std::uint8_t {
    BadOpcode,       // unknown, or one of floating point, which the manual leaves undefined
    Truncated,       // an operand, or the code itself, ends too early
    BadJump,         // to something that is not the start of an instruction
    StackOverflow,   // deeper than kAgentStackSize
    StackUnderflow,  // more taken than put
    StepLimit,       // more than kAgentStepLimit instructions
    DivisionByZero,
    BadRegister,  // unknown, or its value is not available
    BadMemory,    // an address that cannot be read
    BadVariable,  // a trace state variable that the context does not have
    NoTrace,      // a trace instruction where nothing is collected
    BadFormat,    // printf with an unsupported format
};

std::string_view to_string(AgentFailure failure);

template <typename T>
using AgentResult = tl::expected<T, AgentFailure>;

inline constexpr std::size_t kAgentStackSize = 128;
inline constexpr std::size_t kAgentStepLimit = 10'000;
inline constexpr std::size_t kAgentMaxCode = 0x10000;  // jumps have 16 bits

// An expression's view of the machine. The defaults are those of a plain condition.
class AgentContext {
  public:
    virtual ~AgentContext() = default;
    virtual std::optional<std::uint64_t> read_register(std::uint16_t regno) = 0;
    virtual bool read_memory(std::uint64_t address, std::span<std::byte> out) = 0;
    virtual std::optional<std::uint64_t> get_variable(std::uint16_t) { return std::nullopt; }
    virtual bool set_variable(std::uint16_t, std::uint64_t) { return false; }
    // Collects memory, or a variable, for a tracepoint.
    virtual bool trace_memory(std::uint64_t /*address*/, std::uint64_t /*size*/) { return false; }
    virtual bool trace_variable(std::uint16_t) { return false; }
    // A part of a dprintf's output.
    virtual void print(std::string_view) {}
};

// Checks everything that can be checked without running it: opcodes, operands, jumps.
AgentResult<void> verify_agent_expression(std::span<const std::byte> code);

// The value on top of the stack at the end: a condition's, true unless zero.
AgentResult<std::uint64_t> evaluate_agent_expression(std::span<const std::byte> code, AgentContext& context);

// Runs it only for its effects (a breakpoint's command): the stack may be empty at the end.
AgentResult<void> run_agent_command(std::span<const std::byte> code, AgentContext& context);

}  // namespace ringside::gdbstub
