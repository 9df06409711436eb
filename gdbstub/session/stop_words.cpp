#include "gdbstub/session/stop_words.h"

#include "gdbstub/overloaded.h"

namespace ringside::gdbstub {

Signal stop_signal(const StopReason& reason) {
    return std::visit(
        Overloaded{[](const StoppedBySignal& r) { return r.signal; },
                   [](const StoppedByInterrupt&) { return Signal::Int; },
                   [](const Terminated& r) { return r.signal; },
                   [](const OneOf<StoppedBySoftwareBreakpoint, StoppedByHardwareBreakpoint,
                                  StoppedByWatchpoint, ReplayLogEnd, Exited> auto&) { return Signal::Trap; }},
        reason);
}

std::string_view lldb_reason(const StopReason& reason) {
    return std::visit(
        Overloaded{[](const StoppedBySignal& r) -> std::string_view {
                       if (r.step_done)
                           return "trace";
                       return r.signal == Signal::Trap || r.signal == Signal::None ? "signal" : "exception";
                   },
                   [](const OneOf<StoppedBySoftwareBreakpoint, StoppedByHardwareBreakpoint> auto&)
                       -> std::string_view { return "breakpoint"; },
                   [](const StoppedByWatchpoint&) -> std::string_view { return "watchpoint"; },
                   [](const OneOf<StoppedByInterrupt, ReplayLogEnd, Exited, Terminated> auto&)
                       -> std::string_view { return "signal"; }},
        reason);
}

}  // namespace ringside::gdbstub
