// Which of a thread's HardwareCatches have fired. The signal's handler notes it, on the same thread.
#pragma once

#include <cstdint>

namespace ringside::exits {

// A HardwareCatch's cookie is its slot here: several may fire in a thread before it looks.
inline constexpr unsigned kCatchSlots = 63;
inline constexpr unsigned kBreakpointSlot = 63;  // the debugger's own (vmm/debug/host/exit_trap.h)

// Installs the process's handler for SIGTRAP. Must be called once; more calls do no harm.
void install_catch_handler();

struct CaughtSlots {
    std::uint64_t signalled = 0;  // these have fired
    // These may have, too, because a signal of some slot has arrived. HardwareCatch::fired() knows.
    std::uint64_t possible = 0;
};

// Returns the slots out of `mask` that have fired, or may have, on the calling thread, and forgets them.
CaughtSlots take_caught_slots(std::uint64_t mask);

constexpr std::uint64_t slot_bit(unsigned slot) {
    return std::uint64_t{1} << slot;
}

}  // namespace ringside::exits
