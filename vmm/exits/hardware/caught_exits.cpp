#include "vmm/exits/hardware/caught_exits.h"

#include <atomic>
#include <csignal>

#include "vmm/exits/hardware/perf_event.h"

namespace ringside::exits {

namespace {

thread_local std::atomic<std::uint64_t> signalled_slots{0};
thread_local std::atomic<std::uint64_t> possible_slots{0};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "a signal handler writes it");

void on_trap(int signal, siginfo_t* info, void*) {
    if (const auto slot = caught_cookie(*info)) {
        signalled_slots.fetch_or(slot_bit(static_cast<unsigned>(*slot % 64)), std::memory_order_relaxed);
        possible_slots.store(~std::uint64_t{0}, std::memory_order_relaxed);
        return;
    }
    // Not sent by a HardwareCatch: does what would have happened without this handler.
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

}  // namespace

void install_catch_handler() {
    struct sigaction action {};
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGTRAP, &action, nullptr);
}

CaughtSlots take_caught_slots(std::uint64_t mask) {
    return {signalled_slots.fetch_and(~mask, std::memory_order_relaxed) & mask,
            possible_slots.fetch_and(~mask, std::memory_order_relaxed) & mask};
}

}  // namespace ringside::exits
