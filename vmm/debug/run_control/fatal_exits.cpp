#include "vmm/debug/run_control/fatal_exits.h"

#include "arch/x86_64/reset_state.h"
#include "arch/x86_64/trap_instructions.h"
#include "vmm/debug/run_control/fatal_report.h"

namespace ringside::debug {

bool FatalExits::at_int3() const {
    const auto page = context_.view.translate(at_.system, at_.pc());
    const auto byte = page ? context_.view.memory().span(page->gpa, 1) : std::span<std::byte>{};
    return !byte.empty() && byte[0] == x86::opcode(x86::TrapInstruction::Int3);
}

Result<bool> FatalExits::complete() {
    const auto after = completion_.complete(thread_.vcpu(), context_.view, at_.general, at_.system);
    if (!after)
        return false;
    if (completion_.count() == 1)
        context_.events.on_completed(thread_.index());
    at_.general = *after;
    TRY(at_.store_general());
    return true;
}

Result<void> FatalExits::die(machine::FatalExit cause) {
    // KVM gives a vCPU that has shut down on SVM the state of one that was reset.
    if (recording_.active() && x86::at_reset_vector(at_.general, at_.system)) {
        TRY(recording_.recall());
        TRY(at_.fetch());
    }
    const auto why = fatal_report(thread_, cause, context_.view, at_.general, at_.system);
    recording_.irregular();
    TRY(recording_.look());
    context_.events.on_dead(thread_.index(), cause, why);
    const auto signal =
        cause == machine::FatalExit::EmulationFailure ? gdbstub::Signal::Ill : gdbstub::Signal::Segv;
    report_.report_death(signal, why);
    return {};
}

}  // namespace ringside::debug
