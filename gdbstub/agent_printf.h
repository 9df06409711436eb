// The formatting of the `printf` bytecode, which gdb's dprintf in agent style uses.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "gdbstub/agent_expression.h"

namespace ringside::gdbstub {

// Prints through context.print(). Knows %d %i %u %x %X %o %c %p %s with flags, width, precision and length;
// %s reads at most kMaxAgentString bytes from the target. Anything else, or a lack of arguments, is
// BadFormat.
inline constexpr std::size_t kMaxAgentString = 256;
AgentResult<void> print_agent_format(std::string_view format, std::span<const std::uint64_t> args,
                                     AgentContext& context);

}  // namespace ringside::gdbstub
