#include "vmm/debug/breakpoints/removed_breakpoints.h"

#include <algorithm>

namespace ringside::debug {

namespace {

const char* remark(const Breakpoint& breakpoint) {
    if (!breakpoint.wanted)
        return "for tracepoints";
    if (breakpoint.is_handlers())
        return "a handler, for `monitor catch`";
    if (breakpoint.no_code)
        return breakpoint.mechanism == Mechanism::Planted ? "no code was there: the guest may write over it"
                                                          : "there was no code yet";
    if (breakpoint.waiting)
        return "no executable page is mapped there yet";
    if (breakpoint.disturbs && breakpoint.mechanism == Mechanism::Planted)
        return "on code that the kernel patches";
    return breakpoint.by_monitor ? "the monitor's" : "";
}

}  // namespace

BreakpointLine describe(const Breakpoint& breakpoint) {
    const auto& request = breakpoint.request;
    return {request.kind,       request.address,        request.size,       mechanism_name(breakpoint),
            remark(breakpoint), breakpoint.hits.load(), breakpoint.physical};
}

std::uint64_t RemovedBreakpoints::take(const gdbstub::BreakpointRequest& request) {
    const auto it = std::ranges::find_if(lines_, [&](const BreakpointLine& line) {
        return line.kind == request.kind && line.address == request.address &&
               (!line.is_watchpoint() || line.size == request.size);
    });
    if (it == lines_.end())
        return 0;
    const std::uint64_t hits = it->hits;
    lines_.erase(it);
    return hits;
}

}  // namespace ringside::debug
