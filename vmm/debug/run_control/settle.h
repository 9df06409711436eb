// Breakpoints that had to make do until the guest's page tables were there get their mechanism while the guest runs.
// The other vCPUs are parked for it. If another vCPU has parked them at this moment, or a stop is under way, nothing
// happens: the next occasion makes up for it.
#pragma once

#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

// Breakpoints that no page table led to, which cost a step for each instruction. (A kernel whose functions have
// breakpoints from its first instruction on is such a case.) Not at the address of one of them: if its condition was
// false here, it would be met a second time. Returns true if the plan has changed.
bool settle_waiting(DebugContext& context, VcpuIndex vcpu, const ExitRegisters& at, const DebugPlan& plan);

// Breakpoints from before the guest has turned paging on.
void settle_unpaged(DebugContext& context, VcpuIndex vcpu, const ExitRegisters& at, const DebugPlan& plan);

}  // namespace ringside::debug
