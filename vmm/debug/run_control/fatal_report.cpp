#include "vmm/debug/run_control/fatal_report.h"

#include <fmt/format.h>

#include <array>

#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/reset_state.h"
#include "arch/x86_64/vmcs_of_state.h"
#include "vmm/exits/hardware/tracefs.h"
#include "vmm/exits/record/failure.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

namespace {

std::string headline(machine::VcpuThread& thread, machine::FatalExit cause) {
    const auto& run = thread.vcpu().shared();
    switch (cause) {
        case machine::FatalExit::TripleFault:
            return "triple fault: an exception could not be delivered, and neither could the double fault "
                   "after it";
        case machine::FatalExit::EmulationFailure:
            return "KVM could not emulate an instruction";
        case machine::FatalExit::InternalError:
            return "KVM has reported an internal error";
        case machine::FatalExit::EntryFailure:
            return "the processor refused the guest's state";
        case machine::FatalExit::RunFailure:
            return thread.run_error() ? thread.run_error()->message() : "KVM_RUN failed";
        case machine::FatalExit::Unhandled:
            break;
    }
    return fmt::format("exit reason {} that this monitor has no use for", run.exit_reason);
}

std::string code_bytes(const GuestView& view, const x86::SystemRegisters& system, Gva pc) {
    std::array<std::byte, 15> bytes{};
    const auto count = view.fetch(system, pc, bytes);
    if (count == 0)
        return "not readable";
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
        text += fmt::format("{}{:02x}", i == 0 ? "" : " ", std::to_integer<unsigned>(bytes[i]));
    return text;
}

// Only VMX reports a failed entry as an exit reason.
bool refused_by_vmx(const kvm::VcpuPort& vcpu) {
    const auto reason = kvm::entry_failure(vcpu);
    return reason && x86::is_invalid_guest_state(*reason);
}

// The manual's rules that the registers break.
std::string broken_rules(const kvm::VcpuPort& vcpu, const x86::GeneralRegisters& general,
                         const x86::SystemRegisters& system) {
    auto fields = x86::guest_state_area(general, system, {});
    if (const auto blocked = kvm::interruptibility(vcpu))
        fields.set(x86::VmcsField::GuestInterruptibilityState, *blocked);
    const auto broken = x86::check_guest_state(fields);
    if (broken.empty())
        return "  the registers break none of the rules that are checked here: what is wrong is in a field "
               "that KVM does not show\n";
    std::string text;
    for (const x86::VmcsViolation& rule : broken)
        text += fmt::format("  {} = 0x{:x} {} (SDM volume 3, {})\n", name(rule.field),
                            fields.get(rule.field).value_or(0), rule.rule, rule.section);
    return text;
}

}  // namespace

std::string fatal_report(machine::VcpuThread& thread, machine::FatalExit cause, const GuestView& view,
                         const x86::GeneralRegisters& general, const x86::SystemRegisters& system) {
    std::string text = fmt::format("vCPU {}: {}\n", thread.index().value, headline(thread, cause));
    for (const std::string& line :
         exits::describe_failure(thread.vcpu().shared(), exits::host_virtualization()))
        text += "  " + line + "\n";
    if (cause == machine::FatalExit::TripleFault && x86::at_reset_vector(general, system)) {
        text +=
            "  The host's KVM has reset the vCPU already (AMD SVM does so at a shutdown intercept): what "
            "registers "
            "show now is the reset state, not the fault's.\n";
        return text;
    }
    if (refused_by_vmx(thread.vcpu()))
        text += broken_rules(thread.vcpu(), general, system);
    const Gva pc = x86::linear_pc(general, system);
    text += fmt::format("  rip 0x{:x}, {}, code: {}\n", general.rip,
                        x86::name(x86::cpu_mode(general, system)), code_bytes(view, system, pc));
    text += fmt::format(
        "  rsp 0x{:x}  rflags 0x{:x}  cr0 0x{:x}  cr2 0x{:x}  cr3 0x{:x}  cr4 0x{:x}  efer 0x{:x}\n",
        general.rsp, general.rflags, system.cr0, system.cr2, system.cr3, system.cr4, system.efer);
    text += fmt::format("  idtr 0x{:x} limit 0x{:x}  gdtr 0x{:x} limit 0x{:x}\n", system.idtr.base,
                        system.idtr.limit, system.gdtr.base, system.gdtr.limit);
    return text;
}

}  // namespace ringside::debug
