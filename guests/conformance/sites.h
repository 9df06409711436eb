// The labelled machine code of sites.S, as C++ calls it, and the data that it works on.
#pragma once

#include <stdint.h>

extern "C" {

// Breakpoints. Each returns 7 = 1 + 2 + 4, added before, at and after the site.
unsigned long run_break();    // break_site, after_break
unsigned long run_execute();  // execute_site, after_execute: for hardware breakpoints

// Watchpoints: writeN/after_writeN and readN/after_readN around one instruction each, N = 8, 16, 32 (and 64).
extern volatile uint8_t watch8;
extern volatile uint16_t watch16;
extern volatile uint32_t watch32;
extern volatile uint64_t watch64;
void run_writes();
void run_reads();
inline constexpr uint8_t kWritten8 = 0x11;
inline constexpr uint16_t kWritten16 = 0x2222;
inline constexpr uint32_t kWritten32 = 0x44444444;
inline constexpr uint64_t kWritten64 = 0x8888888888888888;

// Single-steps: X_site is the instruction, after_X the next one.
unsigned long run_plain();   // plain_site ... after_plain: eight instructions; returns 8
void run_rep_movsb();        // copies rep_source to rep_target, 16 bytes
unsigned long run_pushf();   // returns the flags that PUSHF pushed
unsigned long run_popf();    // returns the flags after a POPF of kPoppedFlags
unsigned long run_iret();    // returns 1 if IRET went where it should
unsigned long run_mov_ss();  // MOV SS and the two instructions after it; returns 2
unsigned long run_int();     // int_site: INT 0x80; returns what the handler left in AX
void run_hlt();              // hlt_site: returns after the next interrupt, with interrupts off
void run_pending();          // pending_site: STI; pending_shadow; after_pending; returns with interrupts on
extern const uint8_t rep_source[16];
extern uint8_t rep_target[16];
inline constexpr unsigned long kPoppedFlags = 0x8d7;  // OF SF ZF AF PF CF and the bit that is always set

// The guest's own use of the debug facilities.
void run_own_int3();  // own_int3_site: three INT3 in a row
void run_own_step();  // own_step_site: two instructions under TF
void run_own_execute();
void run_own_write();
extern const uint8_t own_execute_site[];
extern volatile uint32_t own_watched;

// Every general register holds a known value at registers_site; after it the guest stores their values.
void run_registers();
extern volatile unsigned long registers_seen[];  // AX BX CX DX SI DI BP, then R8-R15

// For Ctrl-C: run until the debugger sets leave_loop.
extern volatile uint32_t leave_loop;
extern volatile unsigned long loop_count;
void run_tight_loop();  // tight_loop
void run_hlt_loop();    // hlt_loop
}
