// What the server's session talks to: a gdbstub::Target with an object for each of its capabilities.
#pragma once

#include <memory>

#include "gdbstub/target.h"
#include "vmm/debug/target/breakpoint_access.h"
#include "vmm/debug/target/memory_access.h"
#include "vmm/debug/target/non_stop_access.h"
#include "vmm/debug/target/register_access.h"
#include "vmm/debug/target/thread_access.h"
#include "vmm/debug/trace/tracing.h"

namespace ringside::debug {

class ClientTarget {
  public:
    // The debugger has its machine and its TimeTravel.
    ClientTarget(Debugger& debugger, DebuggerOwner& owner, gdbstub::Execution& execution,
                 gdbstub::Restart& restart, x86::GdbArchitecture architecture);

    gdbstub::Target& target() { return target_; }
    Tracing& tracing() { return tracing_; }
    // Nothing that the client has set remains.
    void client_left();

  private:
    ThreadAccess threads_;
    RegisterAccess registers_;
    MemoryAccess memory_;
    BreakpointAccess breakpoints_;
    NonStopAccess non_stop_;
    Tracing tracing_;
    gdbstub::Target target_;
};

}  // namespace ringside::debug
