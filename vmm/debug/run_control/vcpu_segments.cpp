// Breakpoints where RIP is an offset into a segment that does not begin at 0: real mode, above all.
//
// Breakpoints are on linear addresses, and gdb takes RIP for one. So it knows of no breakpoint where the vCPU
// has stopped: told of one it resumes at once, without a word, and it does not take the breakpoint out before
// it goes on. Here such a stop is a plain trap, which gdb shows, with a line that says where it is; and the
// breakpoint is stepped off by us.

#include <fmt/format.h>

#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

bool VcpuDebugger::counts_from_segment() const {
    return linear_pc().value != general_.rip;
}

// An int3 first: of several on one address it is the one that has to be out of the way.
Breakpoint* VcpuDebugger::execution_breakpoint_here() {
    const auto page = context_.view.translate(system_, linear_pc());
    Breakpoint* planted = page ? context_.table.int3_at(page->gpa) : nullptr;
    return planted != nullptr ? planted : context_.table.execution_at(linear_pc());
}

// The client has seen the vCPU stop here. If others are stepping off something at this moment, this vCPU
// rests first and comes here again.
bool VcpuDebugger::leave_known_breakpoint() {
    if (shown_at_ != linear_pc())
        shown_at_.reset();
    Breakpoint* breakpoint = shown_at_ ? execution_breakpoint_here() : nullptr;
    if (breakpoint == nullptr)
        return false;
    step_off(*breakpoint);
    if (step_off_)
        shown_at_.reset();
    return true;
}

void VcpuDebugger::report_breakpoint(gdbstub::BreakpointKind kind) {
    if (counts_from_segment())
        return report(gdbstub::StoppedBySignal{},
                      fmt::format("breakpoint at {:#x}, which is CS:IP {:04x}:{:04x}\n", linear_pc().value,
                                  system_.cs.selector, general_.rip));
    if (kind == gdbstub::BreakpointKind::Software)
        report(gdbstub::StoppedBySoftwareBreakpoint{});
    else
        report(gdbstub::StoppedByHardwareBreakpoint{});
}

}  // namespace ringside::debug
