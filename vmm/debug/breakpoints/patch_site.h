// Instructions that kernels rewrite while they run.
//
// Linux turns the function tracer, static keys, tracepoints and static calls on and off by patching: a NOP
// becomes a CALL or a JMP, and back. Before it writes, it compares the code with what it expects. It does not expect a
// debugger's int3: it warns and disables tracing, or ends in a BUG. A debug
// slot does not change memory.
#pragma once

#include <cstddef>
#include <span>

namespace ringside::debug {

// The number of bytes that is_patch_site() needs.
inline constexpr std::size_t kPatchSiteSize = 5;

// Returns true if `code` begins with an instruction of a form that the kernel patches, on x86-64.
bool is_patch_site(std::span<const std::byte> code);

}  // namespace ringside::debug
