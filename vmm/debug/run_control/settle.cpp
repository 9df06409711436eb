#include "vmm/debug/run_control/settle.h"

#include <algorithm>

namespace ringside::debug {

bool settle_waiting(DebugContext& context, VcpuIndex vcpu, const ExitRegisters& at, const DebugPlan& plan) {
    const auto here = [&](const Breakpoint* b) { return b->request.address == at.pc().value; };
    if (std::ranges::any_of(plan.stepped_breakpoints, here) ||
        !context.table.can_settle(context.view, at.system) || !context.coordinator.park_others(vcpu))
        return false;
    context.table.settle(context.view, at.system);
    context.coordinator.resume_others();
    return true;
}

void settle_unpaged(DebugContext& context, VcpuIndex vcpu, const ExitRegisters& at, const DebugPlan& plan) {
    const bool paging = (at.system.cr0 & x86::cr0::kPg) != 0;
    if (!plan.exit_traps.paging || !paging || !context.coordinator.park_others(vcpu))
        return;
    context.table.settle_unpaged(context.view, at.system);
    context.coordinator.resume_others();
}

}  // namespace ringside::debug
