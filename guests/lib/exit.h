// The ways in which a guest can end.
#pragma once

#include <stdint.h>

namespace guest {

// What the guests report through debug_exit().
inline constexpr uint8_t kPassed = 0x10;  // process status 33
inline constexpr uint8_t kFailed = 0x11;  // process status 35

// Writes to the debug-exit port: the VMM ends with status (value << 1) | 1.
[[noreturn]] void debug_exit(uint8_t value);

// Pulses the CPU's reset line through the keyboard controller, as PCs do.
[[noreturn]] void reset_by_keyboard_controller();

// Reports through the pvpanic port that this kernel cannot continue, and returns.
void report_panic();

// Loads an empty IDT and raises an exception: the CPU finds no handler, none for the double fault, and shuts
// down.
[[noreturn]] void triple_fault();

// Stops the CPU with interrupts off.
[[noreturn]] void halt_forever();

// Keeps the CPU busy with interrupts off.
[[noreturn]] void spin_forever();

}  // namespace guest
