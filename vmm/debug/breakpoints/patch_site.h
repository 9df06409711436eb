// Instructions that kernels rewrite while they run.
//
// Linux turns the function tracer, static keys, tracepoints and static calls on and off by patching: a NOP
// becomes a CALL or a JMP, and back. Before it writes it compares what is there with what it expects, and an
// int3 of a debugger's is nothing that it expects: it warns and gives tracing up, or ends in a BUG. A debug
// slot leaves memory as it is.
#pragma once

#include <cstddef>
#include <span>

namespace ringside::debug {

// How many bytes is_patch_site() wants to see.
inline constexpr std::size_t kPatchSiteSize = 5;

// Returns true if `code` begins with an instruction of a form that patching uses, on x86-64.
bool is_patch_site(std::span<const std::byte> code);

}  // namespace ringside::debug
