#include "vmm/debug/run_control/planted_exits.h"

#include <array>

namespace ringside::debug {

Result<Breakpoint*> PlantedExits::undo() {
    const auto exit = TRY(find_exit(vcpu_, at_.general.rip));
    if (!exit)
        return nullptr;
    x86::GeneralRegisters general = at_.general;
    general.rip = exit->rip;
    Breakpoint* breakpoint = step_off_.planted_at(view_, at_.system, x86::linear_pc(general, at_.system));
    if (breakpoint == nullptr || breakpoint->trap != exit->instruction)
        return nullptr;
    at_.general.rip = exit->rip;
    TRY(at_.store_general());
    TRY(undo_exit(vcpu_, exit->instruction, shadow_here()));
    at_.forget_events();
    return breakpoint;
}

// An HLT has ended the interrupt shadow of the instruction before it. The original instruction must have it again.
x86::InterruptShadow PlantedExits::shadow_here() const {
    std::array<std::byte, x86::kShadowBytes> before{};
    if (view_.fetch(at_.system, Gva{at_.pc().value - before.size()}, before) != before.size())
        return x86::InterruptShadow::None;
    const auto shadow = x86::interrupt_shadow_behind(before);
    const bool enabled = (at_.general.rflags & x86::rflags::kIf) != 0;
    return shadow == x86::InterruptShadow::Sti && !enabled ? x86::InterruptShadow::None : shadow;
}

}  // namespace ringside::debug
