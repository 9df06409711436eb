// Wrappers around single instructions are inlined even at -O0. The instruction is then in the function that
// needs it, where a debugger and an exit profile look for it.
#pragma once

#define GUEST_INLINE [[gnu::always_inline]] inline
