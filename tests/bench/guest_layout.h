// Where things are in the bench's guest (guest.S), for both sides of the wire. Only #defines: the assembler
// reads this.
#pragma once

#define BENCH_TEXT 0x200000

// A loop that calls a function: each call is one breakpoint hit.
#define BENCH_WORK 0x200100
// `dec ecx; jnz` onto itself: two instructions per round, then BENCH_COUNTDOWN_END.
#define BENCH_COUNTDOWN 0x200200
#define BENCH_COUNTDOWN_END 0x200203

// A 32-bit counter in memory, which each call increments and a breakpoint's condition reads.
#define BENCH_VALUE 0x300000

// Otherwise unused RAM, to read from.
#define BENCH_BUFFER 0x400000
#define BENCH_BUFFER_SIZE 0x400000
