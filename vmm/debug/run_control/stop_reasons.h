// The stop reply for a breakpoint or a watchpoint that stops a vCPU.
//
// Breakpoints are on linear addresses, and gdb uses RIP as one. Where RIP is an offset into a segment that does not
// begin at 0 (mostly in real mode), gdb finds no breakpoint at RIP: it would resume at once, silently, and would not
// remove the breakpoint before it continues. Such a stop is reported as a plain trap, which gdb shows, with a line that
// says where it is; and the breakpoint is stepped off here.
#pragma once

#include <string>

#include "arch/x86_64/cpu_state.h"
#include "gdbstub/target.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"

namespace ringside::debug {

struct StopWords {
    gdbstub::StopReason reason;
    std::string console;
};

StopWords breakpoint_stop(gdbstub::BreakpointKind kind, const x86::GeneralRegisters&,
                          const x86::SystemRegisters&);
gdbstub::StopReason watchpoint_stop(const Breakpoint&);
// Of a breakpoint or watchpoint that is not the client's. `client_would_go_on`: gdb takes a SIGTRAP that it can explain, by a
// step or by a breakpoint whose condition is false, for its own, so this is SIGINT.
gdbstub::StopReason judged_stop(bool client_would_go_on);

// A stop that is never shown: the machine restarts at it, and runs on.
gdbstub::StopEvent stop_for_restart(gdbstub::ThreadId thread);
bool is_for_restart(const gdbstub::StopEvent&);

}  // namespace ringside::debug
