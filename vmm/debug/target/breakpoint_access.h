// gdbstub::Breakpoints and gdbstub::Stepping over a machine whose vCPUs have stopped.
#pragma once

#include "gdbstub/target.h"
#include "vmm/debug/target/debugged_machine.h"

namespace ringside::debug {

class BreakpointAccess final : public gdbstub::Breakpoints, public gdbstub::Stepping {
  public:
    explicit BreakpointAccess(DebuggedMachine& machine) : machine_(machine) {}

    // gdbstub::Breakpoints
    bool supports(gdbstub::BreakpointKind) const override { return true; }
    bool evaluates_conditions() const override { return true; }
    bool runs_commands() const override { return true; }
    gdbstub::Result<void> insert(gdbstub::ThreadId, const gdbstub::BreakpointRequest&) override;
    gdbstub::Result<void> remove(gdbstub::ThreadId, gdbstub::BreakpointKind, gdbstub::Address,
                                 std::uint64_t size) override;
    // Watches the code at these addresses for tracepoints, and at no others.
    gdbstub::Result<void> trace(gdbstub::ThreadId, const std::vector<std::uint64_t>& addresses);
    std::uint32_t hardware_watchpoint_slots() const override { return x86::kDebugSlots; }
    // gdbstub::Stepping
    bool blocks_interrupts() const override;
    gdbstub::Result<void> block_interrupts(bool) override;

  private:
    gdbstub::Result<const x86::CpuState*> ready(gdbstub::ThreadId);

    DebuggedMachine& machine_;
};

}  // namespace ringside::debug
