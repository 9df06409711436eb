#include "guests/conformance/scenarios.h"

#include "guests/conformance/sites.h"
#include "guests/lib/cpu.h"
#include "guests/lib/exit.h"
#include "guests/lib/interrupts.h"
#include "guests/lib/timer.h"

using namespace guest;

volatile unsigned long breakpoints_taken;
volatile unsigned long debug_traps_taken;
volatile unsigned long debug_traps_dr6;
volatile unsigned long software_interrupts_taken;

namespace {

constexpr unsigned kTimerHertz = 100;
constexpr unsigned kPatience = 100000;
constexpr unsigned long kIntAnswer = 0x77;
constexpr unsigned long kFlagsResume = 1ul << 16;
constexpr unsigned long kArithmeticFlags = 0x8d5;
constexpr unsigned long kDr6Hit0 = 1;
constexpr unsigned long kDr6Hit1 = 2;
constexpr unsigned long kDr6Clear = 0xffff0ff0;
constexpr unsigned long kDr7Off = 0x400;
constexpr unsigned long kDr7Execute0 = kDr7Off | 0x1;              // DR0: execute
constexpr unsigned long kDr7Write1 = kDr7Off | 0x4 | 0xdul << 20;  // DR1: write, four bytes
constexpr unsigned long kRegisterPattern = static_cast<unsigned long>(0xa0a0a0a0a0a0a000);

void on_breakpoint(InterruptFrame&) {
    breakpoints_taken = breakpoints_taken + 1;
}

void on_debug_trap(InterruptFrame& frame) {
    debug_traps_taken = debug_traps_taken + 1;
    debug_traps_dr6 = read_dr6();
    write_dr6(kDr6Clear);
    frame.flags |= kFlagsResume;  // or an execute breakpoint would come again at once
}

void on_software_interrupt(InterruptFrame& frame) {
    software_interrupts_taken = software_interrupts_taken + 1;
#ifdef __x86_64__
    frame.rax = kIntAnswer;
#else
    frame.eax = kIntAnswer;
#endif
}

bool flags_are_clean(unsigned long flags) {
    return (flags & (kFlagsTrap | kFlagsInterrupt)) == 0;
}

bool loop_left() {
    leave_loop = 0;
    return true;
}

// Runs `code` with DR7 set. Returns true if exactly one #DB came, for `hit` in DR6.
bool one_debug_trap(unsigned long dr7, unsigned long hit, void (*code)()) {
    const unsigned long before = debug_traps_taken;
    write_dr7(dr7);
    code();
    write_dr7(kDr7Off);
    return debug_traps_taken == before + 1 && (debug_traps_dr6 & 0xf) == hit;
}

}  // namespace

void initialise_scenarios() {
    initialise_interrupts();
    set_handler(kVectorDebug, on_debug_trap);
    set_handler(kVectorBreakpoint, on_breakpoint, 3);
    set_handler(kVectorSoftware, on_software_interrupt, 3);
    start_timer(kTimerHertz);
}

bool check_break() {
    return run_break() == 7;
}

bool check_execute() {
    return run_execute() == 7;
}

bool check_watch() {
    watch8 = 0;
    watch16 = 0;
    watch32 = 0;
    watch64 = 0;
    run_writes();
    run_reads();
    const uint64_t wide = sizeof(void*) == 8 ? kWritten64 : 0;
    return watch8 == kWritten8 && watch16 == kWritten16 && watch32 == kWritten32 && watch64 == wide;
}

bool check_plain() {
    return run_plain() == 8;
}

bool check_rep_movsb() {
    for (uint8_t& byte : rep_target)
        byte = 0;
    run_rep_movsb();
    for (unsigned i = 0; i < sizeof rep_source; ++i)
        if (rep_target[i] != rep_source[i])
            return false;
    return true;
}

bool check_pushf() {
    return flags_are_clean(run_pushf());
}

bool check_popf() {
    const unsigned long flags = run_popf();
    return flags_are_clean(flags) && (flags & kArithmeticFlags) == (kPoppedFlags & kArithmeticFlags);
}

bool check_mov_ss() {
    return run_mov_ss() == 2;
}

bool check_registers() {
    run_registers();
    const unsigned count = sizeof(void*) == 8 ? 15 : 7;
    for (unsigned i = 0; i < count; ++i)
        if (registers_seen[i] != kRegisterPattern + 1 + i)
            return false;
    return true;
}

bool check_iret() {
    return run_iret() == 1;
}

bool check_int() {
    const unsigned long before = software_interrupts_taken;
    return run_int() == kIntAnswer && software_interrupts_taken == before + 1;
}

bool check_hlt() {
    const unsigned long before = ticks;
    run_hlt();
    return ticks > before;
}

bool check_pending() {
    const unsigned long before = ticks;
    while (!timer_pending())
        spin_hint();
    run_pending();  // hardware takes it at after_pending; a CPU in software may take a little longer
    for (unsigned i = 0; ticks == before && i < kPatience; ++i)
        spin_hint();
    disable_interrupts();
    return ticks > before;
}

bool check_own_int3() {
    const unsigned long before = breakpoints_taken;
    run_own_int3();
    return breakpoints_taken == before + 3;
}

bool check_own_step() {
    const unsigned long before = debug_traps_taken;
    run_own_step();
    return debug_traps_taken == before + 2 && (debug_traps_dr6 & kDr6SingleStep) != 0;
}

bool check_own_execute() {
    write_dr0(reinterpret_cast<uintptr_t>(own_execute_site));
    return one_debug_trap(kDr7Execute0, kDr6Hit0, run_own_execute);
}

bool check_own_write() {
    write_dr1(reinterpret_cast<uintptr_t>(&own_watched));
    return one_debug_trap(kDr7Write1, kDr6Hit1, run_own_write);
}

bool check_tight_loop() {
    run_tight_loop();
    return loop_left();
}

bool check_open_loop() {
    mask_interrupts();
    enable_interrupts();
    run_tight_loop();
    disable_interrupts();
    return loop_left();
}

bool check_hlt_loop() {
    run_hlt_loop();
    return loop_left();
}

bool check_triple_fault() {
    triple_fault();
}
