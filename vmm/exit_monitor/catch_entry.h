// One rule of `monitor exits catch`, and its mechanism.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "vmm/exit_monitor/handler_catch.h"
#include "vmm/exit_monitor/state_catch.h"
#include "vmm/exits/catch/catch.h"
#include "vmm/exits/hardware/perf_event.h"

namespace ringside::debug {

struct CatchEntry {
    unsigned number = 0;
    unsigned slot = 0;
    exits::CatchRule rule;
    exits::CatchPlan plan;
    std::optional<VcpuIndex> once;            // the vCPU of a rule that is removed at its first hit
    bool resumed = false;                     // the guest has run since that rule was made
    std::vector<exits::HardwareCatch> armed;  // for each vCPU and tracepoint
    std::atomic<std::uint64_t> hits{0};
    std::unique_ptr<HandlerCatch> handler;  // of an exception or interrupt
    std::unique_ptr<StateCatch> state;      // of what the vCPUs are stepped for

    std::uint64_t all_hits() const { return handler ? handler->hits() : state ? state->hits() : hits.load(); }
};

using CatchEntries = std::vector<std::unique_ptr<CatchEntry>>;

}  // namespace ringside::debug
