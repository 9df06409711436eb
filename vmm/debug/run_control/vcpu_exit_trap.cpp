// Breakpoints whose planted instruction leaves the guest by an exit that KVM handles itself (vmm/debug/host/exit_trap.h).

#include <array>

#include "arch/x86_64/control_bits.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

void VcpuDebugger::on_interrupted() {
    if (!exit_trap_->take_caught() || !done(at_.fetch()) || hit_exit_trap())
        return;
    if (plan().exit_traps.paging)
        arm();
}

// Returns true if the exit is that of a planted instruction, and deals with it. Others are the guest's own.
bool VcpuDebugger::hit_exit_trap() {
    const auto exit = find_exit(thread_.vcpu(), at_.general.rip);
    if (!exit) {
        fail(exit.error());
        return true;
    }
    Breakpoint* breakpoint = *exit ? planted_at(**exit) : nullptr;
    if (breakpoint == nullptr)
        return false;
    at_.general.rip = (*exit)->rip;
    if (!done(at_.store_general()) ||
        !done(undo_exit(thread_.vcpu(), (*exit)->instruction, interrupt_shadow_here())))
        return true;
    if (armed_.single_steps())
        step_.leave_unfinished();
    on_planted(*breakpoint);
    return true;
}

Breakpoint* VcpuDebugger::planted_at(const ExitAt& exit) const {
    x86::GeneralRegisters general = at_.general;
    general.rip = exit.rip;
    const auto page = context_.view.translate(at_.system, x86::linear_pc(general, at_.system));
    Breakpoint* breakpoint = page ? context_.table.planted_at(page->gpa) : nullptr;
    // Where ours is out of memory, the instruction under it is the guest's own.
    if (breakpoint == nullptr || breakpoint->trap != exit.instruction ||
        step_off_.has_lifted(breakpoint->gpa))
        return nullptr;
    return breakpoint;
}

// The guest may have turned paging on. If another vCPU is stepping off something at this moment, the next stop makes up
// for it.
void VcpuDebugger::settle_unpaged_breakpoints() {
    const bool paging = (at_.system.cr0 & x86::cr0::kPg) != 0;
    if (!plan().exit_traps.paging || !paging || !context_.coordinator.park_others(thread_.index()))
        return;
    context_.table.settle_unpaged(context_.view, at_.system);
    context_.coordinator.resume_others(thread_.index());
}

// An HLT has ended the shadow of the instruction before it, which the breakpoint's own instruction is to have again.
x86::InterruptShadow VcpuDebugger::interrupt_shadow_here() const {
    std::array<std::byte, x86::kShadowBytes> before{};
    if (context_.view.fetch(at_.system, Gva{at_.pc().value - before.size()}, before) != before.size())
        return x86::InterruptShadow::None;
    const auto shadow = x86::interrupt_shadow_behind(before);
    const bool enabled = (at_.general.rflags & x86::rflags::kIf) != 0;
    return shadow == x86::InterruptShadow::Sti && !enabled ? x86::InterruptShadow::None : shadow;
}

}  // namespace ringside::debug
