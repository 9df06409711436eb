// Gives breakpoints their proper mechanism while the guest runs, once the guest's page tables exist.
// The other vCPUs are parked for this. If another vCPU has parked them at this moment, or a stop is under way, nothing
// happens, and the next opportunity is used.
#pragma once

#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

// Breakpoints that no page table maps cost a step for each instruction. (A kernel with breakpoints on its functions
// from its first instruction on is such a case.) Not at the address of one of them: if its condition was
// false here, it would be hit a second time. Returns true if the plan has changed.
bool settle_waiting(DebugContext& context, VcpuIndex vcpu, const ExitRegisters& at, const DebugPlan& plan);

// Breakpoints that were set before the guest turned paging on.
void settle_unpaged(DebugContext& context, VcpuIndex vcpu, const ExitRegisters& at, const DebugPlan& plan);

}  // namespace ringside::debug
