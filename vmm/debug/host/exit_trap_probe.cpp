#include "vmm/debug/host/exit_trap_probe.h"

#include <array>
#include <initializer_list>

#include "vmm/debug/host/exit_trap.h"
#include "vmm/debug/host/probe_guest.h"

namespace ringside::debug {

namespace {

using Mode = ProbeGuest::Mode;
using x86::TrapInstruction;

// Runs the instruction once. Returns true if its exit was caught and, with `undo`, if the vCPU could be put back in front
// of it.
Result<bool> catches(ProbeGuest& guest, ExitTrap& event, Mode mode, TrapInstruction trap, bool undo) {
    const std::array<std::uint8_t, 1> code{static_cast<std::uint8_t>(opcode(trap))};
    RINGSIDE_TRY(guest.prepare(mode, code));
    (void)event.take_caught();
    RINGSIDE_TRY_ASSIGN(outcome, guest.vcpu().run());
    if (!event.take_caught())
        return false;
    if (!undo)
        return true;
    RINGSIDE_TRY_ASSIGN(general, guest.vcpu().general());
    RINGSIDE_TRY_ASSIGN(exit, find_exit(guest.vcpu(), general.rip));
    if (outcome != kvm::RunOutcome::Interrupted || !exit || exit->instruction != trap ||
        exit->rip != ProbeGuest::kCode)
        return false;
    general.rip = exit->rip;
    RINGSIDE_TRY(guest.vcpu().set_general(general));
    RINGSIDE_TRY(undo_exit(guest.vcpu(), trap, x86::InterruptShadow::None));
    RINGSIDE_TRY_ASSIGN(state, guest.vcpu().mp_state());
    RINGSIDE_TRY_ASSIGN(events, guest.vcpu().events());
    return state == KVM_MP_STATE_RUNNABLE && events.exception.injected == 0 && events.exception.pending == 0;
}

// An instruction is of use if it works in each of its modes.
Result<bool> catches_all(const kvm::System& system, ExitTrap& event, TrapInstruction trap,
                         std::initializer_list<Mode> modes, ProbeGuest::Irqchip irqchip) {
    RINGSIDE_TRY_ASSIGN(guest, ProbeGuest::create(system, irqchip));
    for (const Mode mode : modes) {
        RINGSIDE_TRY_ASSIGN(caught,
                            catches(guest, event, mode, trap, irqchip == ProbeGuest::Irqchip::InKernel));
        if (!caught)
            return false;
    }
    return true;
}

// Without interrupt controllers an HLT ends KVM_RUN whether its exit is caught or not, so the first runs cannot hang. They
// prove that KVM_RUN returns first, and so neither can the second ones.
Result<bool> works(const kvm::System& system, ExitTrap& event, TrapInstruction trap,
                   std::initializer_list<Mode> modes) {
    RINGSIDE_TRY_ASSIGN(caught, catches_all(system, event, trap, modes, ProbeGuest::Irqchip::None));
    if (!caught)
        return false;
    return catches_all(system, event, trap, modes, ProbeGuest::Irqchip::InKernel);
}

}  // namespace

Result<ExitTraps> probe_exit_traps(const kvm::System& system) {
    const auto event = make_perf_exit_trap();
    if (!event->arm({.halt = true, .undefined = true, .paging = false}))
        return ExitTraps{};
    ExitTraps found;
    RINGSIDE_TRY_ASSIGN(
        halt, works(system, *event, TrapInstruction::Halt, {Mode::Real, Mode::Protected, Mode::Long}));
    RINGSIDE_TRY_ASSIGN(undefined,
                        works(system, *event, TrapInstruction::Undefined, {Mode::Long, Mode::LongUser}));
    found.halt = halt;
    found.undefined = undefined;
    return found;
}

}  // namespace ringside::debug
