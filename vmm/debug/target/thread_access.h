// gdbstub::Threads: each vCPU is a thread.
#pragma once

#include "gdbstub/target.h"
#include "vmm/debug/target/debugged_machine.h"
#include "vmm/debug/target/debugger_owner.h"

namespace ringside::debug {

class ThreadAccess final : public gdbstub::Threads {
  public:
    ThreadAccess(DebuggedMachine& machine, DebuggerOwner& owner) : machine_(machine), owner_(owner) {}

    std::vector<gdbstub::ThreadId> threads() const override;
    gdbstub::Result<gdbstub::ThreadInfo> thread_info(gdbstub::ThreadId) override;

  private:
    DebuggedMachine& machine_;
    DebuggerOwner& owner_;
};

}  // namespace ringside::debug
