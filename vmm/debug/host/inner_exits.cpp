#include "vmm/debug/host/inner_exits.h"

#include <optional>

#include "vmm/exits/hardware/caught_exits.h"
#include "vmm/exits/hardware/perf_event.h"
#include "vmm/exits/hardware/tracefs.h"

namespace ringside::debug {

namespace {

// A vCPU has a thread of its own, and a perf event is a thread's.
thread_local bool watched = false;
thread_local std::optional<exits::HardwareCatch> event;

Result<exits::HardwareCatch> open_event() {
    constexpr pid_t kThisThread = 0;
    constexpr const char* kEach = "isa >= 1";
    const auto tracefs = TRY(exits::find_tracefs());
    const auto tracepoint = TRY(exits::load_kvm_tracepoint(tracefs, "kvm_nested_vmexit_inject"));
    exits::install_catch_handler();
    return exits::HardwareCatch::arm(kThisThread, tracepoint.id, kEach, exits::kBreakpointSlot);
}

}  // namespace

Result<void> watch_inner_exits(bool on) {
    if (watched == on)
        return {};
    const bool possible = exits::host_virtualization().has_value();
    if (possible && event) {
        TRY(event->enable(on));
    } else if (possible) {
        auto opened = TRY(open_event());
        event = std::move(opened);
    }
    watched = on;
    return {};
}

bool inner_exits_watched() {
    return watched;
}

bool inner_exit_fired() {
    return event && event->fired();
}

}  // namespace ringside::debug
