// The PC's interval timer (8254) on IRQ 0 of its interrupt controller (8259 pair).
#pragma once

#include <stdint.h>

namespace guest {

// Timer interrupts so far. Only the handler writes it.
extern volatile unsigned long ticks;

// Moves the hardware's 16 lines to kVectorFirstIrq, masks all but the timer's, and starts it at `hertz` (19
// to 1000). `on_tick`, if any, is called by the handler, with interrupts off. The caller enables interrupts.
void start_timer(unsigned hertz, void (*on_tick)() = nullptr);

// Lets another of the lines interrupt. A level-triggered one does so until its device takes the request back.
void open_line(unsigned line, bool level_triggered);

// Tells the interrupt controllers that a line's handler has done its work.
void end_of_interrupt(unsigned line);

// Masks all of the hardware's lines.
void mask_interrupts();

// Returns true if the timer's line is raised and the CPU has not taken the interrupt yet.
bool timer_pending();

}  // namespace guest
