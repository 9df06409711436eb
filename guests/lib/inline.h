// Wrappers around single instructions are inlined even at -O0: the instruction then stands in the function
// that wants it, where a debugger and an exit profile look for it.
#pragma once

#define GUEST_INLINE [[gnu::always_inline]] inline
