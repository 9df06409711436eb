#include "vmm/debug/target/client_target.h"

#include <functional>

#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

// A triple without vendor and system matches every kernel file in LLDB, whatever its ABI tag says.
ClientTarget::ClientTarget(Debugger& debugger, DebuggerOwner& owner, gdbstub::Execution& execution,
                           gdbstub::Restart& restart, x86::GdbArchitecture architecture)
    : threads_(debugger.guest(), owner),
      registers_(debugger),
      memory_(debugger, debugger.guest().view()),
      breakpoints_(debugger.guest()),
      non_stop_(debugger.guest(), debugger.time_travel()),
      tracing_(debugger.guest().registers(), debugger.guest().view(), debugger.machine().cpu_features(),
               std::bind_front(&BreakpointAccess::trace, &breakpoints_)),
      target_{.threads = threads_,
              .registers = registers_,
              .memory = memory_,
              .execution = execution,
              .breakpoints = &breakpoints_,
              .stepping = &breakpoints_,
              .non_stop = &non_stop_,
              .restart = &restart,
              .tracepoints = &tracing_,
              .triple = architecture == x86::GdbArchitecture::X86_64 ? "x86_64" : "i386",
              .address_bytes = architecture == x86::GdbArchitecture::X86_64 ? 8U : 4U} {}

void ClientTarget::client_left() {
    tracing_.client_left();
    memory_.set_physical_mode(false);
}

}  // namespace ringside::debug
