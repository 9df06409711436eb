#include "vmm/debug/run_control/stop_reasons.h"

#include <fmt/format.h>

#include "arch/x86_64/cpu_mode.h"

namespace ringside::debug {

namespace {

gdbstub::WatchKind watch_kind(gdbstub::BreakpointKind kind) {
    switch (kind) {
        case gdbstub::BreakpointKind::WriteWatch:
            return gdbstub::WatchKind::Write;
        case gdbstub::BreakpointKind::ReadWatch:
            return gdbstub::WatchKind::Read;
        default:
            return gdbstub::WatchKind::Access;
    }
}

}  // namespace

StopWords breakpoint_stop(gdbstub::BreakpointKind kind, const x86::GeneralRegisters& general,
                          const x86::SystemRegisters& system) {
    const Gva pc = x86::linear_pc(general, system);
    if (pc.value != general.rip)
        return {gdbstub::StoppedBySignal{}, fmt::format("breakpoint at {:#x}, which is CS:IP {:04x}:{:04x}\n",
                                                        pc.value, system.cs.selector, general.rip)};
    if (kind == gdbstub::BreakpointKind::Software)
        return {gdbstub::StoppedBySoftwareBreakpoint{}, {}};
    return {gdbstub::StoppedByHardwareBreakpoint{}, {}};
}

gdbstub::StopReason watchpoint_stop(const Breakpoint& breakpoint) {
    return gdbstub::StoppedByWatchpoint{watch_kind(breakpoint.request.kind), breakpoint.request.address};
}

gdbstub::StopReason judged_stop(bool client_would_go_on) {
    return gdbstub::StoppedBySignal{client_would_go_on ? gdbstub::Signal::Int : gdbstub::Signal::Trap, false};
}

gdbstub::StopEvent stop_for_restart(gdbstub::ThreadId thread) {
    return {thread, gdbstub::StoppedBySignal{gdbstub::Signal::None, false}, {}};
}

bool is_for_restart(const gdbstub::StopEvent& stop) {
    const auto* signal = std::get_if<gdbstub::StoppedBySignal>(&stop.reason);
    return signal != nullptr && signal->signal == gdbstub::Signal::None;
}

}  // namespace ringside::debug
