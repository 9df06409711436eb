#include "vmm/debug/run_control/debug_exit_cause.h"

#include "vmm/debug/breakpoints/guest_slots.h"

namespace ringside::debug {

DebugExitCause sort_debug_exit(const kvm::DebugExit& exit, const SlotSetup& armed,
                               const GuestDebugRegisters& own, const ExitRegisters& at, StepEngine& step) {
    using Kind = DebugExitCause::Kind;
    DebugExitCause cause;
    cause.stepped = armed.single_steps() && exit.debug && exit.dr6.single_step();
    if (exit.breakpoint) {
        cause.kind = Kind::Int3;
        return cause;
    }
    if (step.is_echo(exit.dr6, armed.single_steps())) {
        cause.kind = Kind::Echo;
        return cause;
    }
    if (armed.dr7.general_detect() && exit.dr6.debug_register_access()) {
        cause.kind = Kind::DebugRegisterAccess;
        return cause;
    }
    cause.guest_slots = own.hits(armed, exit.dr6, exit.dr7, at.general.rflags);
    cause.slots = debugger_hits(armed, exit.dr6.hits(armed.dr7));
    if (cause.slots != 0)
        cause.kind = Kind::Slots;
    else if (cause.guest_slots != 0 && !cause.stepped)
        cause.kind = Kind::GuestSlots;
    else if (armed.single_steps() && exit.debug)
        cause.kind = step.came_too_early() ? Kind::EarlyTrap : Kind::Step;
    return cause;
}

}  // namespace ringside::debug
