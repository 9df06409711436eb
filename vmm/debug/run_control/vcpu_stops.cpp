// What a vCPU reports, and when it does not.

#include "vmm/debug/run_control/stop_reasons.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

bool VcpuDebugger::is_meant_here(const Breakpoint& breakpoint) const {
    if (!breakpoint.level_open && breakpoint.level != x86::level_of(at_.system))
        return false;
    return !breakpoint.address_space || context_.view.in_address_space(at_.system, *breakpoint.address_space,
                                                                       Gva{breakpoint.request.address});
}

// A breakpoint with commands runs them and does not stop.
bool VcpuDebugger::wants_stop(const Breakpoint& breakpoint) {
    const auto& request = breakpoint.request;
    if (!request.conditions.empty() && !conditions_.any_holds(request.conditions, at_.general, at_.system))
        return false;
    if (request.commands.empty())
        return true;
    context_.events.on_printed(thread_.index(), conditions_.run(request.commands, at_.general, at_.system));
    return false;
}

void VcpuDebugger::hit(Breakpoint& breakpoint, bool stepped) {
    if (!is_meant_here(breakpoint))
        return step_off(breakpoint, stepped);
    ++breakpoint.hits;
    if (!wants_stop(breakpoint))
        return step_off(breakpoint, stepped);
    if (!breakpoint.is_watchpoint())
        return report_breakpoint(breakpoint.request.kind);
    report(watchpoint_stop(breakpoint));
}

bool VcpuDebugger::stop_at_stepped_breakpoint() {
    const Gva pc = at_.pc();
    for (Breakpoint* breakpoint : plan().stepped_breakpoints) {
        if (breakpoint->request.address != pc.value || !is_meant_here(*breakpoint))
            continue;
        ++breakpoint->hits;
        if (wants_stop(*breakpoint)) {
            report_breakpoint(breakpoint->request.kind);
            return true;
        }
    }
    return false;
}

// The client has seen the vCPU stop here. An int3 comes first: of several on one address it is the one that has to be
// out of the way. If another vCPU is stepping off something at this moment, this one is parked first and comes here
// again.
bool VcpuDebugger::leave_known_breakpoint() {
    if (shown_at_ != at_.pc())
        shown_at_.reset();
    if (!shown_at_)
        return false;
    const auto page = context_.view.translate(at_.system, at_.pc());
    Breakpoint* breakpoint = page ? context_.table.planted_at(page->gpa) : nullptr;
    if (breakpoint == nullptr)
        breakpoint = context_.table.execution_at(at_.pc());
    if (breakpoint == nullptr)
        return false;
    step_off(*breakpoint, false);
    if (step_off_.active())
        shown_at_.reset();
    return true;
}

void VcpuDebugger::report_breakpoint(gdbstub::BreakpointKind kind) {
    auto stop = breakpoint_stop(kind, at_.general, at_.system);
    report(stop.reason, std::move(stop.console));
}

// Only at an exit whose registers have been fetched: they are the stop's.
void VcpuDebugger::report(gdbstub::StopReason reason, std::string console) {
    phase_ = phase::Reported{};
    shown_at_ = at_.pc().value != at_.general.rip ? std::optional(at_.pc()) : std::nullopt;
    if (at_.system.inner.running)
        console += fmt::format("vCPU {} is in its guest's guest (L2)\n", thread_.index().value);
    context_.coordinator.report(thread_.index(), {thread_of(thread_.index()), reason, std::move(console)});
}

// Whatever it was that failed, the registers are fetched anew.
void VcpuDebugger::fail(const Error& error) {
    step_off_.end();
    report(gdbstub::StoppedBySignal{gdbstub::Signal::Abort, false}, error.message() + "\n");
    phase_ = phase::Free{};
}

}  // namespace ringside::debug
