#include "vmm/debug/host/exit_trap_probe.h"

#include <array>
#include <initializer_list>

#include "vmm/debug/host/exit_trap.h"
#include "vmm/debug/host/probe_guest.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

namespace {

using Mode = ProbeGuest::Mode;
using x86::TrapInstruction;

// Runs the instruction once. Returns true if its exit was caught and, with `undo`, if the vCPU could be moved back to
// it.
Result<bool> catches(ProbeGuest& guest, ExitTrap& event, Mode mode, TrapInstruction trap, bool undo) {
    const std::array code{opcode(trap)};
    TRY(guest.prepare(mode, code));
    (void)event.take_caught();
    auto outcome = TRY(guest.vcpu().run());
    if (!event.take_caught())
        return false;
    if (!undo)
        return true;
    auto general = TRY(guest.vcpu().general());
    auto exit = TRY(find_exit(guest.vcpu(), general.rip));
    if (outcome != kvm::RunOutcome::Interrupted || !exit || exit->instruction != trap ||
        exit->rip != ProbeGuest::kCode)
        return false;
    general.rip = exit->rip;
    TRY(guest.vcpu().set_general(general));
    TRY(undo_exit(guest.vcpu(), trap, x86::InterruptShadow::None));
    const auto activity = TRY(kvm::activity(guest.vcpu()));
    const auto exception = TRY(kvm::pending_exception(guest.vcpu()));
    return activity == kvm::Activity::Executing && !exception;
}

// An instruction is usable if it works in each of its modes.
Result<bool> catches_all(const kvm::System& system, ExitTrap& event, TrapInstruction trap,
                         std::initializer_list<Mode> modes, ProbeGuest::Irqchip irqchip) {
    auto guest = TRY(ProbeGuest::create(system, irqchip));
    for (const Mode mode : modes) {
        auto caught = TRY(catches(guest, event, mode, trap, irqchip == ProbeGuest::Irqchip::InKernel));
        if (!caught)
            return false;
    }
    return true;
}

// Without interrupt controllers an HLT ends KVM_RUN whether its exit is caught or not, so the first runs cannot
// hang. They prove that KVM_RUN returns, so the second runs cannot hang either.
Result<bool> works(const kvm::System& system, ExitTrap& event, TrapInstruction trap,
                   std::initializer_list<Mode> modes) {
    auto caught = TRY(catches_all(system, event, trap, modes, ProbeGuest::Irqchip::None));
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
    auto halt = TRY(works(system, *event, TrapInstruction::Halt, {Mode::Real, Mode::Protected, Mode::Long}));
    auto undefined = TRY(works(system, *event, TrapInstruction::Undefined, {Mode::Long, Mode::LongUser}));
    found.halt = halt;
    found.undefined = undefined;
    return found;
}

}  // namespace ringside::debug
